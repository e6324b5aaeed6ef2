/*
 * wait.h -- what a backend waits for, as pg_stat_activity shows it.
 */
#ifndef OH_STORAGE_WAIT_H
#define OH_STORAGE_WAIT_H

#include "postgres.h"

typedef enum OhWait
{
	OH_WAIT_BUILD_FLUSH,		/* for another participant of a build */
	OH_WAIT_PAGE,				/* for a page that others have locked */
	OH_WAIT_CHANGE,				/* for a change that may explain what a check has found */
} OhWait;

/* The wait event's number.  Before PostgreSQL 17 all extensions share one. */
extern uint32 OhWaitEvent(OhWait wait);
/* Sleep for this many milliseconds at most; a signal ends it earlier. */
extern void OhSleep(long milliseconds, OhWait wait);

#endif							/* OH_STORAGE_WAIT_H */
