/*
 * bit_distance.c -- distances of PostgreSQL's own type bit.
 *
 * Bits past the end of a string are zero, as the server keeps them.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "kernel/kernel.h"
#include "types/bit_distance.h"
#include "types/typeutil.h"

void
om_bit_mismatch(int a, int b)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("different bit lengths %u and %u", (unsigned) a, (unsigned) b)));
}

static void
check_lengths(VarBit *a, VarBit *b)
{
	if (VARBITLEN(a) != VARBITLEN(b))
		om_bit_mismatch(VARBITLEN(a), VARBITLEN(b));
}

double
om_bytes_hamming(const uint8 *a, const uint8 *b, int bytes)
{
	return (double) om_kernels->differ_bits(a, b, bytes);
}

double
om_bytes_jaccard(const uint8 *a, const uint8 *b, int bytes)
{
	uint64_t	ones[2];

	om_kernels->share_bits(a, b, bytes, ones);
	if (ones[0] == 0)
		return 1;
	return 1 - (double) ones[0] / (double) (ones[0] + ones[1]);
}

double
om_bit_hamming(const VarBit *a, const VarBit *b)
{
	return om_bytes_hamming(VARBITS(a), VARBITS(b), VARBITBYTES(a));
}

double
om_bit_jaccard(const VarBit *a, const VarBit *b)
{
	return om_bytes_jaccard(VARBITS(a), VARBITS(b), VARBITBYTES(a));
}

/*
 * distance -- call one of these functions with both arguments.
 */
static double
distance(FunctionCallInfo fcinfo, double (*function) (const VarBit *, const VarBit *))
{
	VarBit	   *a = PG_GETARG_VARBIT_P(0);
	VarBit	   *b = PG_GETARG_VARBIT_P(1);

	check_lengths(a, b);
	return function(a, b);
}

/* The number of bits that differ. */
OM_DISTANCE(om_hamming_distance, distance(fcinfo, om_bit_hamming))
/* 1 - bits set in both / bits set in either; 1 if no bit is set in both. */
OM_DISTANCE(om_jaccard_distance, distance(fcinfo, om_bit_jaccard))
