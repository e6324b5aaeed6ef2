# classes.awk -- what each type that can be indexed has besides the type itself: spheres and
# bounds, the operators "within" them, and its operator classes of omenhnsw.
#
#     awk -f classes.awk > classes.built.sql
#
# A further type is a line for itself and one for each of its distances, at the end.

function say(text) { print text "\n" }

function comment(object, text)
{
	gsub(/'/, "''", text)
	say("COMMENT ON " object " IS '" text "';")
}

function c_function(signature, result, symbol, volatility)
{
	print "CREATE FUNCTION " signature " RETURNS " result
	print "    AS 'MODULE_PATHNAME', '" symbol "' LANGUAGE C " volatility " PARALLEL SAFE;"
}

# type: as the names of functions have it; sql: as SQL has it, without a length; values: in comments
function type_begins(type, sql, values, cost,    name)
{
	t = type; s = sql; v = values; support = cost
	say("-- ---------------------------------------------------------------------------\n" \
		"-- " t ": spheres, bounds, operator classes\n" \
		"-- ---------------------------------------------------------------------------")
	say("CREATE TYPE sphere_" t " AS (center " s ", radius double precision);")
	comment("TYPE sphere_" t, "the " v " within a radius of a center")
	comment("COLUMN sphere_" t ".center", "what distances are measured from")
	comment("COLUMN sphere_" t ".radius", "distances below this are within")
	# one name for all would make sphere('[1,2]', 3) ambiguous
	name = t == "vector" ? "sphere" : "sphere_" t
	c_function(name "(center " s ", radius double precision)", "sphere_" t, "om_sphere", "IMMUTABLE STRICT")
	comment("FUNCTION " name "(" s ", double precision)", "the " v " within a radius of a center")

	say("-- What a bound of the distance in another form leaves, such as 1 - distance > 0.7: made by the planner.")
	say("CREATE TYPE bound_" t " AS (center " s ", radius double precision, unordered boolean);")
	comment("TYPE bound_" t, "the " v " that a bound of the distance leaves")
	comment("COLUMN bound_" t ".center", "what distances are measured from")
	comment("COLUMN bound_" t ".radius", "distances below this are within; NaN: all are")
	comment("COLUMN bound_" t ".unordered", "is a distance that is NaN within, too?")
	c_function("bound_" t "(center " s ", bound double precision, comparison text,\n" \
		"                             scale double precision, shift double precision)", "bound_" t, "om_bound", "IMMUTABLE STRICT")
	comment("FUNCTION bound_" t "(" s ", double precision, text, double precision, double precision)",
		"the " v " whose distance times scale plus shift compares so with the bound")
}

function within(name, other, operator, text)
{
	c_function(name "(" s ", " other ")", "boolean", "om_" name, "IMMUTABLE STRICT")
	comment("FUNCTION " name "(" s ", " other ")", "implementation of " operator " operator")
	if (support != "")
		say("ALTER FUNCTION " name "(" s ", " other ") SUPPORT " support ";")
	say("CREATE OPERATOR " operator " (\n" \
		"    LEFTARG = " s ", RIGHTARG = " other ", FUNCTION = " name ",\n" \
		"    RESTRICT = vector_within_sel, JOIN = matchingjoinsel\n);")
	comment("OPERATOR " operator " (" s ", " other ")", text)
}

# metric: as names have it; operator: <->; text: what it is
function distance(metric, operator, text, is_default,    class, name, proc, first)
{
	class = t "_" metric "_ops"
	name = t "_within_" metric
	proc = "omenhnsw_" t "_" metric "_support(internal)"
	first = toupper(substr(text, 1, 1)) substr(text, 2)
	within(name, "sphere_" t, "<" operator ">", text (metric == "ip" ? " with" : " from") " the center less than the radius")
	within(name, "bound_" t, "<" operator, text " within a bound")

	c_function(proc, "internal", "om_hnsw_" t "_" metric "_support", "IMMUTABLE")
	comment("FUNCTION " proc, "omenhnsw support: " t ", " text)
	say("CREATE OPERATOR CLASS " class "\n" \
		"    " (is_default ? "DEFAULT " : "") "FOR TYPE " s " USING omenhnsw AS\n" \
		"    OPERATOR 1 " operator " (" s ", " s ") FOR ORDER BY float_ops,\n" \
		"    OPERATOR 2 <" operator "> (" s ", sphere_" t "),\n" \
		"    OPERATOR 2 <" operator " (" s ", bound_" t "),\n" \
		"    FUNCTION 1 " proc ";")
	comment("OPERATOR CLASS " class " USING omenhnsw", text ", " operator)
	comment("OPERATOR FAMILY " class " USING omenhnsw", text ", " operator)
}

function four_distances()
{
	# pgvector has a default class for vector alone, and so for l2
	distance("l2", "<->", "Euclidean distance", t == "vector")
	distance("ip", "<#>", "negative inner product", 0)
	distance("cosine", "<=>", "cosine distance", 0)
	distance("l1", "<+>", "taxicab distance", 0)
}

BEGIN {
	c_function("vector_within_sel(internal, oid, internal, integer)", "double precision", "om_within_sel", "STABLE STRICT")
	comment("FUNCTION vector_within_sel(internal, oid, internal, integer)",
		"restriction selectivity of operators \"within a radius\"")

	type_begins("vector", "vector", "vectors", "vector_support")
	four_distances()
	type_begins("halfvec", "halfvec", "halfvecs", "halfvec_support")
	four_distances()

	type_begins("sparsevec", "sparsevec", "sparsevecs", "sparsevec_support")
	four_distances()

	# "bit" in quotes has no length, where bit is bit(1)
	type_begins("bit", "\"bit\"", "strings of bits", "bit_support")
	distance("hamming", "<~>", "Hamming distance", 0)
	distance("jaccard", "<%>", "Jaccard distance", 0)
}
