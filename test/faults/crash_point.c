/*
 * crash_point.c -- stops the process at a named point; compiled by test/crash only.
 *
 * The file omendb_crash_armed in the data folder names a point, how often a process
 * passes it before it stops there, and whether the WAL is flushed first.  The first process
 * that gets there removes the file, tells by the file omendb_crash_hit, and waits to
 * be killed.  Without a flush, what it has written to the WAL is lost with it,
 * unless somebody else's commit flushes it.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "access/xlog.h"

#include "storage/crash.h"

#define ARMED	"omendb_crash_armed"
#define HIT		"omendb_crash_hit"
#define SEEN	"omendb_crash_seen"

#define MAX_POINTS 128

static struct
{
	char		name[64];
	int			passed;			/* since this process last saw no armed file */
}			points[MAX_POINTS];
static int	npoints;

static void
tell(const char *file, const char *name)
{
	int			fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
	char		line[80];

	if (fd < 0)
		return;
	snprintf(line, sizeof(line), "%s\n", name);
	if (write(fd, line, strlen(line)) < 0)
		elog(LOG, "could not write \"%s\"", file);
	close(fd);
}

/*
 * find_point -- its number; a point that this process has not seen yet is told.
 *
 * Its name is that of the file without folder and suffix, a full stop and `point`.
 */
static int
find_point(const char *file, const char *point)
{
	const char *base = strrchr(file, '/');
	char		name[64];
	int			i;

	base = base != NULL ? base + 1 : file;
	snprintf(name, sizeof(name), "%.*s.%s", (int) strcspn(base, "."), base, point);
	for (i = 0; i < npoints; i++)
	{
		if (strcmp(points[i].name, name) == 0)
			return i;
	}
	if (npoints == MAX_POINTS)
		elog(PANIC, "more than %d crash points", MAX_POINTS);
	strlcpy(points[npoints].name, name, sizeof(points[0].name));
	tell(SEEN, name);
	return npoints++;
}

void
oh_crash_point(const char *file_name, const char *point)
{
	int			i = find_point(file_name, point);
	char		armed[64];
	int			times;
	int			flush;
	FILE	   *file = fopen(ARMED, "r");

	if (file == NULL)
	{
		for (int p = 0; p < npoints; p++)
			points[p].passed = 0;
		return;
	}
	if (fscanf(file, "%63s %d %d", armed, &times, &flush) != 3 || strcmp(armed, points[i].name) != 0 ||
		++points[i].passed < times)
	{
		fclose(file);
		return;
	}
	fclose(file);
	if (unlink(ARMED) != 0)
		return;					/* another process was first */
	if (flush && XactLastRecEnd != InvalidXLogRecPtr)
		XLogFlush(XactLastRecEnd);
	tell(HIT, points[i].name);
	for (;;)
		kill(getpid(), SIGSTOP);
}
