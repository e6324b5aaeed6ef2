/*
 * target_types.c -- text and wire form of vector, halfvec and sparsevec, and distances of bit.
 *
 * Input: a byte for the type and the form, one for the type modifier, then the value; a second value follows
 * 0xFF. What is accepted must come back the same from its own text and wire form, and no function
 * may do more than raise an error on it.
 */
#include "server.h"

#include "kernel/kernel.h"
#include "types/bit_distance.h"
#include "types/halfvec.h"
#include "types/sparsevec.h"
#include "types/vector.h"

#define DECLARE(name) extern Datum name(PG_FUNCTION_ARGS)

/* Of one type. */
typedef struct Type
{
	PGFunction	in,
				out,
				recv,
				send,
				cmp;
	PGFunction	unary[4];
	PGFunction	binary[8];
	PGFunction	slice;
} Type;

DECLARE(om_vector_in);
DECLARE(om_vector_out);
DECLARE(om_vector_recv);
DECLARE(om_vector_send);
DECLARE(om_vector_cmp);
DECLARE(om_l2_normalize);
DECLARE(om_binary_quantize);
DECLARE(om_vector_to_halfvec);
DECLARE(om_vector_to_sparsevec);
DECLARE(om_l2_distance);
DECLARE(om_cosine_distance);
DECLARE(om_inner_product);
DECLARE(om_l1_distance);
DECLARE(om_vector_add);
DECLARE(om_vector_sub);
DECLARE(om_vector_mul);
DECLARE(om_vector_concat);
DECLARE(om_subvector);
DECLARE(om_halfvec_in);
DECLARE(om_halfvec_out);
DECLARE(om_halfvec_recv);
DECLARE(om_halfvec_send);
DECLARE(om_halfvec_cmp);
DECLARE(om_halfvec_l2_normalize);
DECLARE(om_halfvec_binary_quantize);
DECLARE(om_halfvec_to_vector);
DECLARE(om_halfvec_to_sparsevec);
DECLARE(om_halfvec_l2_distance);
DECLARE(om_halfvec_cosine_distance);
DECLARE(om_halfvec_inner_product);
DECLARE(om_halfvec_l1_distance);
DECLARE(om_halfvec_add);
DECLARE(om_halfvec_sub);
DECLARE(om_halfvec_mul);
DECLARE(om_halfvec_concat);
DECLARE(om_halfvec_subvector);
DECLARE(om_sparsevec_in);
DECLARE(om_sparsevec_out);
DECLARE(om_sparsevec_recv);
DECLARE(om_sparsevec_send);
DECLARE(om_sparsevec_cmp);
DECLARE(om_sparsevec_l2_normalize);
DECLARE(om_sparsevec_to_vector);
DECLARE(om_sparsevec_to_halfvec);
DECLARE(om_sparsevec_l2_distance);
DECLARE(om_sparsevec_cosine_distance);
DECLARE(om_sparsevec_inner_product);
DECLARE(om_sparsevec_l1_distance);

static const Type types[] = {
	{om_vector_in, om_vector_out, om_vector_recv, om_vector_send, om_vector_cmp,
		{om_l2_normalize, om_binary_quantize, om_vector_to_halfvec, om_vector_to_sparsevec},
		{om_l2_distance, om_cosine_distance, om_inner_product, om_l1_distance,
	om_vector_add, om_vector_sub, om_vector_mul, om_vector_concat}, om_subvector},
	{om_halfvec_in, om_halfvec_out, om_halfvec_recv, om_halfvec_send, om_halfvec_cmp,
		{om_halfvec_l2_normalize, om_halfvec_binary_quantize, om_halfvec_to_vector, om_halfvec_to_sparsevec},
		{om_halfvec_l2_distance, om_halfvec_cosine_distance, om_halfvec_inner_product, om_halfvec_l1_distance,
	om_halfvec_add, om_halfvec_sub, om_halfvec_mul, om_halfvec_concat}, om_halfvec_subvector},
	{om_sparsevec_in, om_sparsevec_out, om_sparsevec_recv, om_sparsevec_send, om_sparsevec_cmp,
		{om_sparsevec_l2_normalize, om_sparsevec_to_vector, om_sparsevec_to_halfvec},
{om_sparsevec_l2_distance, om_sparsevec_cosine_distance, om_sparsevec_inner_product, om_sparsevec_l1_distance}}};

/* call -- a function of three arguments at most; 0 after an error */
static Datum
call(PGFunction function, Datum a, Datum b, Datum c)
{
	LOCAL_FCINFO(fcinfo, 3);
	FmgrInfo	flinfo = {0};
	volatile Datum result = 0;

	InitFunctionCallInfoData(*fcinfo, &flinfo, 3, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = a;
	fcinfo->args[1].value = b;
	fcinfo->args[2].value = c;
	for (int i = 0; i < 3; i++)
		fcinfo->args[i].isnull = false;
	if (!FUZZ_TRY(result = function(fcinfo)))
		return 0;
	if (fcinfo->isnull)
		fuzz_fail("a NULL", NULL);
	return result;
}

/* receive -- from wire form; as the server, which refuses what is left over */
static Datum
receive(const Type *type, const char *data, int size, int32 typmod)
{
	StringInfoData buf = {palloc(size + 1), size, size + 1, 0};
	Datum		value;

	memcpy(buf.data, data, size);
	buf.data[size] = '\0';
	value = call(type->recv, PointerGetDatum(&buf), 0, Int32GetDatum(typmod));
	return buf.cursor == size ? value : 0;
}

static Datum
read_value(const Type *type, bool binary, const uint8_t *data, size_t size, int32 typmod)
{
	char	   *text;

	if (binary)
		return receive(type, (const char *) data, size, typmod);
	text = pnstrdup((const char *) data, size);
	return call(type->in, CStringGetDatum(text), 0, Int32GetDatum(typmod));
}

static void
must_equal(Datum a, Datum b, const char *what)
{
	const struct varlena *x = (const struct varlena *) DatumGetPointer(a);
	const struct varlena *y = (const struct varlena *) DatumGetPointer(b);

	if (y == NULL)
		fuzz_fail(what, fuzz_message);
	if (VARSIZE(x) != VARSIZE(y) || memcmp(x, y, VARSIZE(x)) != 0)
		fuzz_fail(what, "other bytes");
}

/* sound -- what every value must be: finite elements, within the limits; those of a sparsevec in order */
static void
sound(const Type *type, Datum value)
{
	if (type == &types[0])
	{
		const OmVector *v = (const OmVector *) DatumGetPointer(value);

		if (v->dim < 1 || v->dim > OM_VECTOR_MAX_DIM || VARSIZE(v) != OM_VECTOR_SIZE(v->dim) ||
			!om_all_finite(v->x, v->dim))
			fuzz_fail("a vector that is none", NULL);
	}
	else if (type == &types[2])
	{
		const OmSparsevec *v = (const OmSparsevec *) DatumGetPointer(value);
		const float *x = om_sparsevec_values(v);

		if (v->dim < 1 || v->dim > OM_SPARSEVEC_MAX_DIM || v->nnz < 0 || v->nnz > OM_SPARSEVEC_MAX_NNZ ||
			VARSIZE(v) != OM_SPARSEVEC_SIZE(v->nnz) || !om_all_finite(x, v->nnz))
			fuzz_fail("a sparsevec that is none", NULL);
		for (int i = 0; i < v->nnz; i++)
		{
			if (x[i] == 0 || v->index[i] < (i > 0 ? v->index[i - 1] + 1 : 0) || v->index[i] >= v->dim)
				fuzz_fail("an element of a sparsevec out of order", NULL);
		}
	}
}

/* repeated -- text with n elements, around the limits */
static Datum
repeated(const Type *type, const uint8_t *data, size_t size)
{
	int			n = 15900 + data[1];
	const char *element = type == &types[2] ? ":1," : "1,";
	StringInfoData text;
	char		tail[32];

	initStringInfo(&text);
	appendBinaryStringInfo(&text, type == &types[2] ? "{" : "[", 1);
	for (int i = 0; i < n; i++)
	{
		if (type == &types[2])
			appendBinaryStringInfo(&text, tail, sprintf(tail, "%d", i + 1 - (data[2] >> 1 == i % 128)));
		appendBinaryStringInfo(&text, element, strlen(element));
	}
	text.len--;
	appendBinaryStringInfo(&text, tail, sprintf(tail, type == &types[2] ? "}/%d" : "]", 20000));
	return call(type->in, CStringGetDatum(text.data), 0, Int32GetDatum(-1));
}

/* round_trip -- through its text and its wire form */
static void
round_trip(const Type *type, Datum value)
{
	Datum		text = call(type->out, value, 0, 0);
	Datum		wire = call(type->send, value, 0, 0);

	if (text == 0 || wire == 0)
		fuzz_fail("a value cannot be printed", fuzz_message);
	must_equal(value, call(type->in, text, 0, Int32GetDatum(-1)), "text");
	must_equal(value, receive(type, VARDATA(DatumGetPointer(wire)), VARSIZE(DatumGetPointer(wire)) - VARHDRSZ, -1), "wire form");
	if (DatumGetInt32(call(type->cmp, value, value, 0)) != 0)
		fuzz_fail("a value is not equal to itself", DatumGetCString(text));
}

/* functions -- of one value or two */
static void
functions(const Type *type, Datum a, Datum b, int first, int count)
{
	for (int i = 0; i < lengthof(type->unary) && type->unary[i]; i++)
		(void) call(type->unary[i], a, Int32GetDatum(-1), BoolGetDatum(true));
	for (int i = 0; i < lengthof(type->binary) && type->binary[i]; i++)
		(void) call(type->binary[i], a, b, 0);
	if (type->slice)
		(void) call(type->slice, a, Int32GetDatum(first), Int32GetDatum(count));
	if (DatumGetInt32(call(type->cmp, a, b, 0)) != -DatumGetInt32(call(type->cmp, b, a, 0)))
		fuzz_fail("an order that depends on the side", NULL);
}

/* bits -- distances of two strings of the same length, beside counted ones */
static void
bits(const uint8_t *data, size_t size)
{
	int			n = size / 2;
	VarBit	   *v[2];
	int			differ = 0,
				both = 0,
				either = 0;

	for (int i = 0; i < 2; i++)
	{
		v[i] = palloc0(VARBITTOTALLEN(n * 8));
		SET_VARSIZE(v[i], VARBITTOTALLEN(n * 8));
		VARBITLEN(v[i]) = n * 8;
		memcpy(VARBITS(v[i]), data + i * n, n);
	}
	for (int i = 0; i < n; i++)
	{
		differ += __builtin_popcount(data[i] ^ data[n + i]);
		both += __builtin_popcount(data[i] & data[n + i]);
		either += __builtin_popcount(data[i] | data[n + i]);
	}
	if (om_bit_hamming(v[0], v[1]) != differ)
		fuzz_fail("Hamming distance", NULL);
	if (om_bit_jaccard(v[0], v[1]) != (both == 0 ? 1.0 : 1.0 - (double) both / either))
		fuzz_fail("Jaccard distance", NULL);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	const Type *type;
	const uint8_t *second;
	Datum		a,
				b;
	int32		typmod;

	if (size < 3 || size > 65536)
		return;
	if (data[0] % 8 == 7)
	{
		bits(data + 1, size - 1);
		return;
	}
	type = &types[data[0] % 8 % 3];
	typmod = data[1] < 64 ? data[1] + 1 : -1;
	second = memchr(data + 2, 0xFF, size - 2);
	if (data[0] & 16 || second == NULL)
		second = data + size;
	a = data[0] % 8 == 6 ? repeated(&types[data[0] >> 3 & 1 ? 2 : 0], data, size) :
		read_value(type, (data[0] & 8) != 0, data + 2, second - data - 2, typmod);
	if (data[0] % 8 == 6)
		type = &types[data[0] >> 3 & 1 ? 2 : 0];
	if (a == 0)
		return;
	sound(type, a);
	round_trip(type, a);
	b = second < data + size ? read_value(type, (data[0] & 8) != 0, second + 1, data + size - second - 1, -1) : a;
	if (b != 0)
		functions(type, a, b, (int8) data[1], data[0] >> 3);
}
