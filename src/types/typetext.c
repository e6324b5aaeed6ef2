/*
 * typetext.c -- conversion of numbers and lists of numbers from and to text.
 *
 * Independent of the locale: the fast path reads digits itself, and for the rest (strtof,
 * as in float4in) the server keeps LC_NUMERIC at C.
 */
#include "postgres.h"

#include <float.h>

#include "common/shortest_dec.h"
#include "compat.h"
#include "mb/pg_wchar.h"
#include "types/typeutil.h"

/* Bytes of the input that a message quotes, at most. */
#define QUOTE_MAX 128

static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline void
skip_space(OmTextScan *scan)
{
	while (is_space(*scan->at))
		scan->at++;
}

/*
 * quote -- copy the first bytes of s for a message, len of them at most.
 */
static char *
quote(const char *s, int len)
{
	int			clipped;

	if (len <= QUOTE_MAX)
		return pnstrdup(s, len);
	clipped = pg_mbcliplen(s, len, QUOTE_MAX);
	return psprintf("%.*s...", clipped, s);
}

/*
 * syntax_error -- report a syntax error at scan->at; always returns false.
 *
 * array: is it an array's text?
 */
static bool
syntax_error(OmTextScan *scan, const char *expected, bool array)
{
	int			len = strlen(scan->text);
	int			before = scan->at - scan->text;

	/* Character position, counted from 1; bytes and characters may differ. */
	ereturn(scan->escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"",
					scan->desc->name, quote(scan->text, len)),
			 *scan->at == '\0' ?
			 errdetail("Expected %s, but the input ends.", expected) :
			 errdetail("Expected %s at character %d.", expected,
					   pg_mbstrlen_with_len(scan->text, before) + 1),
			 array ?
			 errhint("This is how an array is written: cast it to an array first, as in '{1,2,3}'::real[]::%s.",
					 scan->desc->name) : 0));
}

bool
om_scan_error(OmTextScan *scan, const char *expected)
{
	return syntax_error(scan, expected, false);
}

bool
om_scan_accept(OmTextScan *scan, char c)
{
	skip_space(scan);
	if (*scan->at != c)
		return false;
	scan->at++;
	return true;
}

bool
om_scan_char(OmTextScan *scan, char c)
{
	char		expected[4] = {'"', c, '"', '\0'};

	return om_scan_accept(scan, c) || om_scan_error(scan, expected);
}

bool
om_scan_end(OmTextScan *scan)
{
	skip_space(scan);
	return *scan->at == '\0' || om_scan_error(scan, "the end of the input");
}

/*
 * fast_float -- read an ordinary decimal number as the nearest float; false if this method
 * cannot.
 *
 * Up to 19 significant digits form an integer below 2^64. One multiplication or division by
 * an exact power of ten (10^22 at most) gives a double that is off by less than 2 units in
 * its last place: half a unit from the conversion, half from the operation, and 10^-18
 * relative from digits beyond the 19th.  Rounding it to float then gives the correct
 * result, unless the double is within that distance of the middle between two floats, which
 * its low 29 bits show.  Those cases, subnormals, numbers near the limits and everything
 * that is not plain decimal are left to strtof.
 *
 * *at moves past the number on success only.
 */
static bool
fast_float(const char **at, float *value)
{
	static const double power[] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
	};
	const char *s = *at;
	bool		negative = (*s == '-');
	bool		any = false;
	uint64		digits = 0;
	int			ndigits = 0;	/* number of significant digits in digits */
	int			exponent = 0;
	double		d;
	uint64		bits;
	uint32		low;

	/* Double arithmetic with excess precision would round twice. */
	if (FLT_EVAL_METHOD != 0)
		return false;

	if (*s == '-' || *s == '+')
		s++;
	for (; is_digit(*s); s++)
	{
		any = true;
		if (ndigits == 19)
			exponent++;
		else if ((digits = digits * 10 + (*s - '0')) != 0)
			ndigits++;
	}
	if (*s == '.')
	{
		for (s++; is_digit(*s); s++)
		{
			any = true;
			if (ndigits == 19)
				continue;
			exponent--;
			if ((digits = digits * 10 + (*s - '0')) != 0)
				ndigits++;
		}
	}
	if (!any)
		return false;
	if (*s == 'e' || *s == 'E')
	{
		bool		minus = (s[1] == '-');
		int			e = 0;

		s++;
		if (*s == '-' || *s == '+')
			s++;
		if (!is_digit(*s))
			return false;
		for (; is_digit(*s); s++)
			e = Min(e * 10 + (*s - '0'), 100000);
		exponent += minus ? -e : e;
	}
	/* strtof might read further here, as in 0x1p3. */
	if (*s != ',' && *s != ']' && *s != '}' && *s != '\0' && !is_space(*s))
		return false;

	if (digits == 0)
		d = 0;
	else
	{
		if (exponent < -22 || exponent > 22)
			return false;
		d = (double) digits;
		if (exponent < 0)
			d /= power[-exponent];
		else
			d *= power[exponent];
		if (d < FLT_MIN * 2.0 || d > FLT_MAX / 2.0)
			return false;
		memcpy(&bits, &d, sizeof(bits));
		low = bits & 0x1fffffff;
		if (low > 0x10000000 - 4 && low < 0x10000000 + 4)
			return false;
	}
	*value = negative ? -(float) d : (float) d;
	*at = s;
	return true;
}

bool
om_scan_float(OmTextScan *scan, float *value)
{
	const char *start;
	char	   *end;
	bool		lost = false;

	skip_space(scan);
	start = scan->at;
	if (unlikely(!fast_float(&scan->at, value)))
	{
		/* Underflow counts as rounding; it is an error only where an element would be lost. */
		errno = 0;
		*value = strtof(start, &end);
		if (end == start)
			return om_scan_error(scan, "a number");
		lost = errno == ERANGE && (isinf(*value) || (*value == 0 && scan->desc->no_underflow));
		scan->at = end;
	}
	if (unlikely(lost || (fabsf(*value) >= scan->desc->limit && !isinf(*value))))
		ereturn(scan->escontext, false,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" is out of range for type %s",
						quote(start, scan->at - start), scan->desc->name)));
	return true;
}

bool
om_scan_int(OmTextScan *scan, int *value)
{
	char	   *end;
	long		n;

	skip_space(scan);
	errno = 0;
	n = strtol(scan->at, &end, 10);
	if (end == scan->at)
		return om_scan_error(scan, "an integer");
	scan->at = end;
	*value = (int) Max(Min(n, PG_INT32_MAX), PG_INT32_MIN);
	return true;
}

int64
om_scan_capacity(const OmTextScan *scan)
{
	size_t		len = strlen(scan->at);
	int64		n = 1;

	for (size_t i = 0; i < len; i++)
		n += (scan->at[i] == ',');
	return n;
}

bool
om_scan_list(OmTextScan *scan, float *out, int64 capacity, int *dim)
{
	int			n = 0;

	*dim = 0;
	if (!om_scan_accept(scan, '['))
		return syntax_error(scan, "\"[\"", *scan->at == '{');
	if (!om_scan_accept(scan, ']'))
	{
		for (;;)
		{
			if (n >= capacity)
				return om_check_dim_safe(scan->desc, n + om_scan_capacity(scan), scan->escontext) &&
					om_scan_error(scan, "\"]\"");
			if (!om_scan_float(scan, &out[n]))
				return false;
			n++;
			if (!isfinite(out[n - 1]))
				return om_check_finite(scan->desc, out, n, scan->escontext);
			if (om_scan_accept(scan, ','))
				continue;
			if (om_scan_accept(scan, ']'))
				break;
			return om_scan_error(scan, "\",\" or \"]\"");
		}
	}
	*dim = n;
	return om_check_dim_safe(scan->desc, n, scan->escontext) && om_scan_end(scan);
}

char *
om_print_list(const float *x, int n)
{
	/* FLOAT_SHORTEST_DECIMAL_LEN includes a terminator, which leaves room for the comma. */
	char	   *text = palloc(n * FLOAT_SHORTEST_DECIMAL_LEN + 3);
	char	   *at = text;

	*at++ = '[';
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			*at++ = ',';
		at += float_to_shortest_decimal_bufn(x[i], at);
	}
	*at++ = ']';
	*at = '\0';
	return text;
}
