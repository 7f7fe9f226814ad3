/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "host/limits.h"
#include "host/process.h"
#include "host/progress.h"
#include "host/pulse_thread.h"
#include "job/date.h"
#include "job/job.h"
#include "ledger/journal.h"
#include "ledger/ledger.h"
#include "loop/loop.h"
#include "loop/writer.h"
#include "sys/cgroup.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/proc.h"
#include "sys/random.h"

#define TICK_US US_PER_S
/* A signal that reaches us twice, from a terminal or service manager and through the keeper, is
 * one. */
#define SAME_SIGNAL_US (200 * US_PER_MS)
enum { HOST_NAME_MAX_CHARS = 256, MINUTES_PER_HOUR = 60 };

struct host {
	const struct host_options *options;
	struct loop *loop;
	struct writer *writer;
	struct pulse_thread *pulse; /* NULL: the ledger has no beats */
	struct journal *journal;    /* the writer thread's; NULL: no server could take over */
	struct processes *processes;
	struct session *session;
	struct loop_timer *timer;
	struct loop_timer *progress_timer;
	struct loop_timer *tick_timer;
	struct loop_watch *keeper;
	struct loop_signal *signals[3];
	struct session_spec spec;
	char host_name[HOST_NAME_MAX_CHARS];
	char boot_id[PROC_ID_MAX];
	int64_t last_signal_at;
	char *group; /* of lanes, a control group; NULL: ours */
	bool progress_is_shown;
	bool is_over;
	int exit_status;
};

/* ---- the table ---- */

static utime host_now(void *world)
{
	(void)world;
	return clock_now();
}

static int host_zone_offset_s(void *world, utime at)
{
	struct civil civil = {0};

	(void)world;
	clock_civil(at, &civil);
	return civil.offset_s;
}

static utime host_day_time(void *world, const char *date, int minute)
{
	struct date day = {0};

	(void)world;
	if (!date_parse_iso(date, strlen(date), &day))
		return UTIME_NEVER; /* a date of the ledger: a program of later days may write
				       others */
	struct civil civil = {.year = day.year,
			      .month = day.month,
			      .day = day.day,
			      .hour = minute / MINUTES_PER_HOUR,
			      .minute = minute % MINUTES_PER_HOUR};
	return clock_from_civil(&civil);
}

static int64_t host_boot_us(void *world)
{
	(void)world;
	return clock_boot_us();
}

static uint64_t host_random(void *world)
{
	(void)world;
	return random_u64();
}

static void host_timer(void *world, int64_t at)
{
	struct host *h = world;

	if (at == INT64_MAX) {
		loop_timer_stop(h->timer);
		return;
	}
	int64_t wait = at - clock_boot_us();
	loop_timer_set(h->timer, wait > 0 ? wait : 0);
}

static void host_ledger(void *world, struct ledger_txn *txn)
{
	struct host *h = world;

	writer_submit(h->writer, txn);
}

static void host_beat(void *world, int64_t inc, const uint8_t nonce[16])
{
	struct host *h = world;

	pulse_thread_beat(h->pulse, inc, nonce);
}

static void host_lease(void *world, int64_t until_boot_us)
{
	struct host *h = world;

	processes_lease(h->processes, FAULT("host.lease") ? INT64_MAX : until_boot_us);
}

static int host_lane_start(void *world, enum lane_role role, uint32_t lane,
			   struct world_lane *ret_lane, struct err *err)
{
	struct host *h = world;

	return process_start(h->processes, role, lane, ret_lane, err);
}

static void host_lane_send(void *world, uint32_t lane, struct buf *frames)
{
	struct host *h = world;

	process_send(h->processes, lane, frames);
}

static void host_lane_kill(void *world, uint32_t lane)
{
	struct host *h = world;

	process_kill(h->processes, lane);
}

static bool host_lane_begun(void *world, uint32_t lane, uint32_t ticket)
{
	struct host *h = world;

	return process_begun(h->processes, lane, ticket) && !FAULT("host.begun");
}

static void host_nice(void *world, int nice)
{
	struct host *h = world;

	processes_nice(h->processes, nice);
}

static void host_lane_clear(void *world, uint32_t lane, uint32_t ticket)
{
	struct host *h = world;

	process_clear(h->processes, lane, ticket);
}

static void host_bury(void *world, int64_t inc, const uint8_t nonce[16],
		      const struct ledger_lane_row *lanes, size_t n)
{
	struct host *h = world;

	process_bury(h->processes, inc, nonce, lanes, n);
}

static void host_say(void *world, enum say_level level, const char *text)
{
	struct host *h = world;

	if (h->progress_is_shown)
		progress_hide(h->options->progress);
	h->progress_is_shown = false;
	switch (level) {
	case SAY_ERROR:
		log_error("%s", text);
		break;
	case SAY_WARNING:
		log_warn("%s", text);
		break;
	case SAY_INFO:
		log_info("%s", text);
		break;
	case SAY_DETAIL:
		log_debug("%s", text);
		break;
	}
}

static void host_end(void *world, int exit_status)
{
	struct host *h = world;

	h->is_over = true;
	h->exit_status = exit_status;
	loop_stop(h->loop);
}

static const struct world_ops host_ops = {
	.now = host_now,
	.zone_offset_s = host_zone_offset_s,
	.day_time = host_day_time,
	.boot_us = host_boot_us,
	.random = host_random,
	.timer = host_timer,
	.ledger = host_ledger,
	.beat = host_beat,
	.lease = host_lease,
	.lane_start = host_lane_start,
	.lane_send = host_lane_send,
	.lane_kill = host_lane_kill,
	.lane_begun = host_lane_begun,
	.lane_clear = host_lane_clear,
	.nice = host_nice,
	.bury = host_bury,
	.say = host_say,
	.end = host_end,
};

/* ---- what comes back ---- */

static void host_on_timer(void *arg)
{
	struct host *h = arg;

	session_on_timer(h->session);
}

static void host_apply(void *arg, void *task)
{
	struct host *h = arg;

	if (h->journal != NULL && !FAULT("ledger.journal"))
		journal_apply(h->journal, h->options->ledger, task);
	else
		ledger_apply(h->options->ledger, task);
}

static void host_on_applied(void *arg, void *task, bool applied)
{
	struct host *h = arg;
	struct ledger_txn *txn = task;

	if (!applied || h->is_over) {
		ledger_txn_free(txn);
		return;
	}
	session_on_ledger(h->session, txn);
}

static void host_on_beat(void *arg, enum ledger_status status)
{
	struct host *h = arg;

	if (!h->is_over)
		session_on_beat(h->session, status);
}

static void host_on_frame(void *arg, uint32_t lane, const struct frame *frame)
{
	struct host *h = arg;

	if (!h->is_over)
		session_on_frame(h->session, lane, frame);
}

static void host_on_frames_end(void *arg)
{
	struct host *h = arg;

	if (!h->is_over)
		session_on_frames_end(h->session);
}

static void host_on_lane_end(void *arg, uint32_t lane, int exit_status, int by_signal, bool proven)
{
	struct host *h = arg;

	if (!h->is_over)
		session_on_lane_end(h->session, lane, exit_status, by_signal, proven);
}

static void host_on_buried(void *arg, int64_t inc, bool proven)
{
	struct host *h = arg;

	if (!h->is_over)
		session_on_buried(h->session, inc, proven);
}

static void host_on_signal(void *arg, int signal_number)
{
	struct host *h = arg;
	int64_t now = clock_boot_us();

	if (signal_number == SIGHUP) {
		const struct job *job = h->options->reload == NULL
						? NULL
						: h->options->reload(h->options->arg);
		if (job != NULL)
			session_reload(h->session, job);
		return;
	}
	if (h->last_signal_at != 0 && now - h->last_signal_at < SAME_SIGNAL_US)
		return;
	h->last_signal_at = now;
	session_stop(h->session, signal_number == SIGINT ? "interrupted" : "told to end (SIGTERM)");
}

static void host_on_keeper(void *arg, int fd, int events)
{
	struct host *h = arg;
	char byte;

	(void)events;
	ssize_t n = read(fd, &byte, 1);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	loop_watch_close(h->keeper);
	h->keeper = NULL;
	if (!FAULT("host.keeper"))
		session_stop(h->session, "the keeper is gone");
}

static void host_on_tick(void *arg)
{
	struct host *h = arg;

	/* Full means that the keeper does not read: it is stopped, and will catch up. */
	if (h->keeper != NULL)
		(void)!write(h->options->keeper_fd, "", 1);
	loop_timer_set(h->tick_timer, TICK_US);
}

static void host_on_progress(void *arg)
{
	struct host *h = arg;
	struct session_status status;

	session_get_status(h->session, &status);
	progress_show(h->options->progress, &status, clock_now());
	h->progress_is_shown = true;
	loop_timer_set(h->progress_timer, h->options->progress == HOST_PROGRESS_BAR
						  ? PROGRESS_BAR_US
						  : PROGRESS_LINES_US);
}

/* ---- putting it together ---- */

static void host_fill_spec(struct host *h)
{
	h->spec = h->options->spec;
	h->spec.cpus = proc_cpus();
	h->spec.lanes = h->spec.cpus;
	proc_host_name(h->host_name, sizeof(h->host_name));
	proc_boot_id(h->boot_id);
	h->spec.host = h->host_name;
	h->spec.boot_id = h->boot_id;
	if (h->spec.instance_name == NULL)
		h->spec.instance_name = h->host_name;
	h->spec.pid = getpid();
	random_bytes(h->spec.nonce, sizeof(h->spec.nonce));
	ledger_uuid(h->options->ledger, h->spec.ledger_uuid);
	h->spec.has_beats = ledger_has_beats(h->options->ledger);
}

static void host_take_down(struct host *h)
{
	if (h->progress_is_shown)
		progress_hide(h->options->progress);
	pulse_thread_free(h->pulse);
	writer_free(h->writer);
	journal_free(h->journal);
	processes_free(h->processes);
	session_free(h->session);
	for (size_t i = 0; i < ARRAY_LEN(h->signals); i++)
		loop_signal_free(h->signals[i]);
	if (h->keeper != NULL)
		loop_watch_free(h->keeper);
	loop_timer_free(h->timer);
	loop_timer_free(h->progress_timer);
	loop_timer_free(h->tick_timer);
	loop_free(h->loop);
}

static void host_set_up(struct host *h)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	h->timer = loop_timer_new(h->loop, host_on_timer, h);
	h->progress_timer = loop_timer_new(h->loop, host_on_progress, h);
	h->tick_timer = loop_timer_new(h->loop, host_on_tick, h);
	for (size_t i = 0; i < ARRAY_LEN(h->signals); i++)
		if (numbers[i] != SIGHUP || !FAULT("host.hangup"))
			h->signals[i] = loop_signal_new(h->loop, numbers[i], host_on_signal, h);
	h->processes = processes_new(h->loop, h->spec.nonce,
				     &(struct process_events){.arg = h,
							      .frame = host_on_frame,
							      .frames_end = host_on_frames_end,
							      .end = host_on_lane_end,
							      .buried = host_on_buried});
	processes_use_group(h->processes, h->group);
	if (h->options->keeper_fd >= 0) {
		h->keeper = loop_watch_new(h->loop, h->options->keeper_fd, LOOP_READ,
					   host_on_keeper, h);
		loop_timer_set(h->tick_timer, 0);
	}
	if (h->options->progress != HOST_PROGRESS_NONE)
		loop_timer_set(h->progress_timer, h->options->progress == HOST_PROGRESS_BAR
							  ? PROGRESS_BAR_US
							  : PROGRESS_LINES_US);
}

int host_run(const struct host_options *options, int *ret_exit, struct err *err)
{
	struct host h = {.options = options};

	assert(options != NULL && options->ledger != NULL && ret_exit != NULL);
	if (limits_check(options->spec.job, err) < 0 ||
	    limits_make_group(options->spec.job, &h.group, err) < 0)
		return err->code;
	host_fill_spec(&h);
	h.loop = loop_new();
	if (writer_new(h.loop, host_apply, host_on_applied, &h, &h.writer, err) < 0) {
		loop_free(h.loop);
		free(h.group);
		return err->code;
	}
	if (h.spec.has_beats &&
	    pulse_thread_new(h.loop, options->ledger, host_on_beat, &h, &h.pulse, err) < 0) {
		writer_free(h.writer);
		loop_free(h.loop);
		free(h.group);
		return err->code;
	}
	h.journal = h.spec.has_beats ? journal_new() : NULL;
	host_set_up(&h);
	h.session = session_new(&host_ops, &h, &h.spec);
	session_start(h.session);
	loop_run(h.loop);
	*ret_exit = h.exit_status;
	h.is_over = true;
	host_take_down(&h);
	if (h.group != NULL)
		cgroup_remove(h.group);
	free(h.group);
	return 0;
}
