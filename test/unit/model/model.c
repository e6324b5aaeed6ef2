/*
 * model.c -- main of the models.  The last line is "N passed, N failed".
 */
#include <stdarg.h>
#include <stdio.h>

#include "model.h"

static int	passed;
static int	failed;

void
model_report(bool ok, const char *format,...)
{
	va_list		args;

	printf("%s ", ok ? "ok    " : "FAILED");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (ok)
		passed++;
	else
		failed++;
}

int
main(void)
{
	model_weak();
	model_slots();
	model_drops();
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}
