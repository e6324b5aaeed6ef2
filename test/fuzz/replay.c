/*
 * replay.c -- runs a target on kept inputs, where there is no fuzzer: replay NAME FILE.
 *
 * Each line of the file is an input in hexadecimal digits. Beside it come some that are made of it: cut short, and
 * with a bit changed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long inputs;

/* A copy of exactly that size, so that reading past the end is seen. */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t    *copy = malloc(size > 0 ? size : 1);

	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static void
run_variants(uint8_t *data, size_t size)
{
	static uint32_t state = 1;

	run(data, size);
	for (int i = 0; i < 16 && size > 0; i++)
	{
		size_t		at;
		uint8_t		old;

		state = state * 1664525u + 1013904223u;
		at = (state >> 8) % size;
		old = data[at];
		data[at] ^= 1u << (state >> 5 & 7);
		run(data, i % 4 == 3 ? at : size);
		data[at] = old;
	}
}

static int
digit(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
main(int argc, char **argv)
{
	static uint8_t data[1 << 16];
	FILE	   *file = argc == 3 ? fopen(argv[2], "r") : NULL;
	unsigned long kept = 0;
	size_t		size = 0;
	int			high = -1;
	int			c;

	if (file == NULL)
	{
		fprintf(stderr, "usage: replay NAME FILE\n");
		return 2;
	}
	while ((c = getc(file)) != EOF)
	{
		if (c == '\n')
		{
			run_variants(data, size);
			kept++;
			size = 0;
		}
		else if (high < 0)
			high = digit(c);
		else if (size < sizeof(data))
		{
			data[size++] = high << 4 | digit(c);
			high = -1;
		}
	}
	fclose(file);
	printf("%s: %lu kept, %lu inputs\n", argv[1], kept, inputs);
	return kept == 0;
}
