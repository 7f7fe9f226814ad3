/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other side of a job's work is called, for breaker, rates, statistics and people.
 *
 * Promise: the same text for the same other side, whichever job and instance asks; one line without
 *          secrets: user and password, path and query of a URL are not in it.
 * Pure; looks at texts only.
 */
#ifndef STINT_JOB_ENDPOINT_H
#define STINT_JOB_ENDPOINT_H

struct buf;
struct job;

/* Appends `https://api.example.com:443` when the template's scheme, host and port are literal: jobs
 * that talk to the same service share it. Else, since items of one job may go to many hosts, `http
 * of JOB`. */
void endpoint_put_url(struct buf *out, const char *url, const char *job_name);

/* Appends the endpoint of the job's work. What is no service is called by its job: `exec of JOB`.
 * That two jobs start python3 says nothing about one when the other fails. */
void endpoint_put(struct buf *out, const struct job *job);

#endif
