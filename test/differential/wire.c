/*
 * wire.c -- what a server makes of values of a type: text and binary, in and out.
 *
 *   wire CONNINFO TYPE < FILE
 *
 * A line of FILE is "t TEXT" (a value as text, escaped as COPY does) or "b HEX" (its
 * wire form).  A line comes out for each: "ok TEXT HEX" (the value as text and wire
 * form) or "SQLSTATE".
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
die(const char *what, PGconn *conn)
{
	fprintf(stderr, "wire: %s: %s", what, conn ? PQerrorMessage(conn) : "\n");
	exit(1);
}

static int
hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* In place; returns the number of bytes. */
static int
from_hex(char *s)
{
	int			n = 0;

	for (; s[2 * n] && s[2 * n + 1]; n++)
		s[n] = (char) (hex_digit(s[2 * n]) << 4 | hex_digit(s[2 * n + 1]));
	return n;
}

static void
unescape(char *s)
{
	static const char from[] = "ntrvf";
	static const char into[] = "\n\t\r\v\f";
	char	   *to = s;

	for (; *s; s++)
	{
		if (*s == '\\')
		{
			const char *letter = strchr(from, *++s);

			*to++ = letter ? into[letter - from] : *s;
		}
		else
			*to++ = *s;
	}
	*to = '\0';
}

static PGresult *
ask(PGconn *conn, const char *query, const char *value, int length, int binary, int result)
{
	return PQexecParams(conn, query, 1, NULL, &value, &length, &binary, result);
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	char		query[200];
	char	   *line = NULL;
	size_t		size = 0;

	if (argc != 3)
		die("usage: wire CONNINFO TYPE", NULL);
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK)
		die("cannot connect", conn);
	snprintf(query, sizeof(query), "SELECT $1::%s", argv[2]);
	while (getline(&line, &size, stdin) > 0)
	{
		char	   *value = line + 2;
		int			binary = line[0] == 'b';
		int			length;
		PGresult   *text;

		line[strcspn(line, "\n")] = '\0';
		if (binary)
			length = from_hex(value);
		else
		{
			unescape(value);
			length = (int) strlen(value);
		}
		text = ask(conn, query, value, length, binary, 0);
		if (PQresultStatus(text) == PGRES_TUPLES_OK)
		{
			PGresult   *wire = ask(conn, query, value, length, binary, 1);

			printf("ok %s ", PQgetvalue(text, 0, 0));
			for (int i = 0; i < PQgetlength(wire, 0, 0); i++)
				printf("%02x", (unsigned char) PQgetvalue(wire, 0, 0)[i]);
			putchar('\n');
			PQclear(wire);
		}
		else
		{
			const char *state = PQresultErrorField(text, PG_DIAG_SQLSTATE);

			if (PQstatus(conn) != CONNECTION_OK)
				die("connection lost", conn);
			puts(state ? state : "?????");
		}
		PQclear(text);
	}
	PQfinish(conn);
	return 0;
}
