/*
 * wait.c -- what a backend waits for, as pg_stat_activity shows it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"

#include "compat.h"
#include "storage/wait.h"

static const char *const event_name[] = {
	[OH_WAIT_BUILD_FLUSH] = "OmendbBuildFlush",
	[OH_WAIT_PAGE] = "OmendbPage",
	[OH_WAIT_CHANGE] = "OmendbChange",
};

uint32
OhWaitEvent(OhWait wait)
{
	static uint32 event[lengthof(event_name)];

	if (event[wait] == 0)
		event[wait] = om_new_wait_event(event_name[wait]);
	return event[wait];
}

void
OhSleep(long milliseconds, OhWait wait)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
					 OhWaitEvent(wait));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}
