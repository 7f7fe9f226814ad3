/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: the process that meets foreign data so that the engine does not have to. A worker does
 * items, a reader reads the source, a finisher moves or removes what was read.
 *
 * It is started by host/ with a socket at LANE_SOCKET_FD and shared memory at LANE_SHARED_FD; the
 * first frame (HELLO) says what it is to be. It ends on FRAME_STOP, when there is nothing left to
 * do; when the engine is gone (end of the socket, or its death by signal): at once, with all that
 * it has started. It holds no credentials of the ledger.
 */
#ifndef STINT_LANE_LANE_H
#define STINT_LANE_LANE_H

/* Lives a lane's life; what it returns is the exit status of the process. Main thread. */
int lane_main(void);

#endif
