/*
 * crash.h -- points at which the crash tests may stop a server.
 *
 * Ordinary builds have no code here.  test/crash compiles with OM_CRASH_POINTS and
 * adds test/faults/crash_point.c: there is a point after each WAL record, named
 * after the file and the function that write it (wal.h), and one at each
 * OH_CRASH_POINT.
 */
#ifndef OH_CRASH_H
#define OH_CRASH_H

#ifdef OM_CRASH_POINTS
/* End the server here if the test of crashes asks for it. */
extern void oh_crash_point(const char *file, const char *name);
#define OH_CRASH_POINT(name) oh_crash_point(__FILE__, name)
#else
#define OH_CRASH_POINT(name) ((void) 0)
#endif

#endif							/* OH_CRASH_H */
