/*
 * replay.c -- runs a target on the files of folders, where there is no fuzzer: replay NAME FOLDER...
 *
 * Beside each file come some inputs that are made of it: cut short, and with a byte changed.
 */
#include <dirent.h>
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
run_file(const char *path)
{
	static uint8_t data[1 << 20];
	FILE	   *file = fopen(path, "rb");
	size_t		size;

	if (file == NULL)
		return 0;
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	run_variants(data, size);
	return 1;
}

int
main(int argc, char **argv)
{
	unsigned long files = 0;

	for (int i = 2; i < argc; i++)
	{
		DIR		   *folder = opendir(argv[i]);
		struct dirent *entry;
		char		path[4096];

		if (folder == NULL)
		{
			files += run_file(argv[i]);
			continue;
		}
		while ((entry = readdir(folder)) != NULL)
		{
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			files += run_file(path);
		}
		closedir(folder);
	}
	printf("%s: %lu files, %lu inputs\n", argc > 1 ? argv[1] : "", files, inputs);
	return files == 0;
}
