/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq's functions, as far as stint calls them, under their own names: each loads the library if
 * that was not done yet, and calls it. See sys/late.h for why.
 */
#include "pg/libpq.h"

#include <libpq-fe.h>

#include "base/attr.h"
#include "sys/late.h"

#define LIBPQ_CALLS(V, N)                                                                          \
	V(int, PQbackendPID, (const PGconn *conn), (conn))                                         \
	V(int, PQcancel, (PGcancel * cancel, char *errbuf, int errbufsize),                        \
	  (cancel, errbuf, errbufsize))                                                            \
	N(PQclear, (PGresult * res), (res))                                                        \
	V(char *, PQcmdTuples, (PGresult * res), (res))                                            \
	V(PostgresPollingStatusType, PQconnectPoll, (PGconn * conn), (conn))                       \
	V(PGconn *, PQconnectStartParams,                                                          \
	  (const char *const *keywords, const char *const *values, int expand_dbname),             \
	  (keywords, values, expand_dbname))                                                       \
	V(PGconn *, PQconnectdb, (const char *conninfo), (conninfo))                               \
	V(int, PQconnectionNeedsPassword, (const PGconn *conn), (conn))                            \
	N(PQconninfoFree, (PQconninfoOption * connOptions), (connOptions))                         \
	V(PQconninfoOption *, PQconninfoParse, (const char *conninfo, char **errmsg),              \
	  (conninfo, errmsg))                                                                      \
	V(int, PQconsumeInput, (PGconn * conn), (conn))                                            \
	V(char *, PQdb, (const PGconn *conn), (conn))                                              \
	V(int, PQenterPipelineMode, (PGconn * conn), (conn))                                       \
	V(char *, PQerrorMessage, (const PGconn *conn), (conn))                                    \
	V(PGresult *, PQexec, (PGconn * conn, const char *query), (conn, query))                   \
	V(int, PQexitPipelineMode, (PGconn * conn), (conn))                                        \
	N(PQfinish, (PGconn * conn), (conn))                                                       \
	V(int, PQflush, (PGconn * conn), (conn))                                                   \
	V(char *, PQfname, (const PGresult *res, int field_num), (res, field_num))                 \
	N(PQfreeCancel, (PGcancel * cancel), (cancel))                                             \
	N(PQfreemem, (void *ptr), (ptr))                                                           \
	V(Oid, PQftype, (const PGresult *res, int field_num), (res, field_num))                    \
	V(PGcancel *, PQgetCancel, (PGconn * conn), (conn))                                        \
	V(PGresult *, PQgetResult, (PGconn * conn), (conn))                                        \
	V(int, PQgetisnull, (const PGresult *res, int tup_num, int field_num),                     \
	  (res, tup_num, field_num))                                                               \
	V(int, PQgetlength, (const PGresult *res, int tup_num, int field_num),                     \
	  (res, tup_num, field_num))                                                               \
	V(char *, PQgetvalue, (const PGresult *res, int tup_num, int field_num),                   \
	  (res, tup_num, field_num))                                                               \
	V(char *, PQhost, (const PGconn *conn), (conn))                                            \
	V(int, PQisBusy, (PGconn * conn), (conn))                                                  \
	V(int, PQnfields, (const PGresult *res), (res))                                            \
	V(int, PQntuples, (const PGresult *res), (res))                                            \
	V(const char *, PQparameterStatus, (const PGconn *conn, const char *paramName),            \
	  (conn, paramName))                                                                       \
	V(Oid, PQparamtype, (const PGresult *res, int param_num), (res, param_num))                \
	V(PGpipelineStatus, PQpipelineStatus, (const PGconn *conn), (conn))                        \
	V(int, PQpipelineSync, (PGconn * conn), (conn))                                            \
	V(char *, PQport, (const PGconn *conn), (conn))                                            \
	V(int, PQputCopyData, (PGconn * conn, const char *buffer, int nbytes),                     \
	  (conn, buffer, nbytes))                                                                  \
	V(int, PQputCopyEnd, (PGconn * conn, const char *errormsg), (conn, errormsg))              \
	V(char *, PQresultErrorField, (const PGresult *res, int fieldcode), (res, fieldcode))      \
	V(char *, PQresultErrorMessage, (const PGresult *res), (res))                              \
	V(ExecStatusType, PQresultStatus, (const PGresult *res), (res))                            \
	V(int, PQsendDescribePrepared, (PGconn * conn, const char *stmt), (conn, stmt))            \
	V(int, PQsendFlushRequest, (PGconn * conn), (conn))                                        \
	V(int, PQsendPrepare,                                                                      \
	  (PGconn * conn, const char *stmtName, const char *query, int nParams,                    \
	   const Oid *paramTypes),                                                                 \
	  (conn, stmtName, query, nParams, paramTypes))                                            \
	V(int, PQsendQuery, (PGconn * conn, const char *query), (conn, query))                     \
	V(int, PQsendQueryParams,                                                                  \
	  (PGconn * conn, const char *command, int nParams, const Oid *paramTypes,                 \
	   const char *const *paramValues, const int *paramLengths, const int *paramFormats,       \
	   int resultFormat),                                                                      \
	  (conn, command, nParams, paramTypes, paramValues, paramLengths, paramFormats,            \
	   resultFormat))                                                                          \
	V(int, PQsendQueryPrepared,                                                                \
	  (PGconn * conn, const char *stmtName, int nParams, const char *const *paramValues,       \
	   const int *paramLengths, const int *paramFormats, int resultFormat),                    \
	  (conn, stmtName, nParams, paramValues, paramLengths, paramFormats, resultFormat))        \
	V(int, PQserverVersion, (const PGconn *conn), (conn))                                      \
	V(PGVerbosity, PQsetErrorVerbosity, (PGconn * conn, PGVerbosity verbosity),                \
	  (conn, verbosity))                                                                       \
	V(PQnoticeReceiver, PQsetNoticeReceiver,                                                   \
	  (PGconn * conn, PQnoticeReceiver proc, void *arg), (conn, proc, arg))                    \
	V(int, PQsetSingleRowMode, (PGconn * conn), (conn))                                        \
	V(int, PQsetnonblocking, (PGconn * conn, int arg), (conn, arg))                            \
	V(int, PQsocket, (const PGconn *conn), (conn))                                             \
	V(ConnStatusType, PQstatus, (const PGconn *conn), (conn))                                  \
	V(PGTransactionStatusType, PQtransactionStatus, (const PGconn *conn), (conn))              \
	V(unsigned char *, PQunescapeBytea, (const unsigned char *strtext, size_t *retbuflen),     \
	  (strtext, retbuflen))

static struct {
	LATE_POINTERS(LIBPQ_CALLS)
} calls;

static const char *const names[] = {LATE_NAMES(LIBPQ_CALLS)};

static struct late_library library = {
	.file = "libpq.so.5",
	.package = "libpq5",
	.names = names,
	.n = ARRAY_LEN(names),
	.calls = &calls,
};

LATE_FUNCTIONS(LIBPQ_CALLS)

int libpq_load(struct err *err)
{
	return late_load(&library, err);
}
