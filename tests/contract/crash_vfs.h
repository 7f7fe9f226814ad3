/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VFS over the one of the system that notes what SQLite writes and syncs, and can then make what
 * a disk would hold had the power failed at any point of it.
 *
 * What was synced is there, whole. Of what was not, each write is there, is not, or is torn into
 * sectors of 512 bytes of which some are there; each change of a file's size was made or not. A
 * file that was made or removed since its directory was synced is there or not. That syncs of
 * directories are seen, too, fsync and fdatasync are defined here.
 *
 * One thread, one ledger. The file -shm is not noted: it never outlives a machine.
 */
#ifndef STINT_TESTS_CONTRACT_CRASH_VFS_H
#define STINT_TESTS_CONTRACT_CRASH_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes it the VFS of this process, and begins to note. */
void crash_vfs_start(void);
/* Notes no more; what was noted stays. */
void crash_vfs_stop(void);
void crash_vfs_done(void);

/* Somebody was told that everything up to here is durable. */
void crash_vfs_acknowledge(void);

size_t crash_vfs_events(void);
/* Of the first `at` events. */
size_t crash_vfs_acknowledged(size_t at);
bool crash_vfs_is_sync(size_t at);

/* Whether the disk does what it says. */
enum crash_disk { DISK_HONEST, DISK_LIES_ABOUT_LOG };

/* The ledger's files at `path`, as after a power failure that let `at` events happen. */
void crash_vfs_image(size_t at, uint64_t seed, enum crash_disk disk, const char *path);

#endif
