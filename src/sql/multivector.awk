# multivector.awk -- MaxSim and its operator, for arrays of each type of vector.
#
#     awk -f multivector.awk > multivector.built.sql

function say(text) { print text "\n" }

function comment(object, text) { say("COMMENT ON " object " IS '" text "';") }

function c_function(name, symbol, text)
{
	print "CREATE FUNCTION " name "(" a ", " a ") RETURNS double precision"
	say("    AS 'MODULE_PATHNAME', '" symbol "' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SUPPORT max_sim_support;")
	comment("FUNCTION " name "(" a ", " a ")", text)
}

# type: of the elements
function maxsim(type,    class, proc)
{
	a = type "[]"
	c_function("max_sim", "om_" type "_max_sim", "MaxSim: for each vector of the second array the largest inner product with one of the first, summed up")
	c_function(type "_negative_max_sim", "om_" type "_negative_max_sim", "implementation of @# operator")
	say("CREATE OPERATOR @# (LEFTARG = " a ", RIGHTARG = " a ", FUNCTION = " type "_negative_max_sim);")
	comment("OPERATOR @# (" a ", " a ")", "negative MaxSim of a row (left) to a query (right)")

	proc = "omenhnsw_" type "_maxsim_support(internal)"
	print "CREATE FUNCTION " proc " RETURNS internal"
	say("    AS 'MODULE_PATHNAME', 'om_hnsw_" type "_maxsim_support' LANGUAGE C IMMUTABLE PARALLEL SAFE;")
	comment("FUNCTION " proc, "omenhnsw support: " a ", negative MaxSim")
	say("CREATE OPERATOR CLASS " type "_maxsim_ops\n" \
		"    FOR TYPE " a " USING omenhnsw AS\n" \
		"    OPERATOR 1 @# (" a ", " a ") FOR ORDER BY float_ops,\n" \
		"    FUNCTION 1 " proc ";")
	comment("OPERATOR CLASS " type "_maxsim_ops USING omenhnsw", "negative MaxSim, @#")
	comment("OPERATOR FAMILY " type "_maxsim_ops USING omenhnsw", "negative MaxSim, @#")
}

BEGIN {
	say("-- ---------------------------------------------------------------------------\n" \
		"-- several vectors for a row: MaxSim\n" \
		"-- ---------------------------------------------------------------------------")
	print "CREATE FUNCTION max_sim_support(internal) RETURNS internal"
	say("    AS 'MODULE_PATHNAME', 'om_max_sim_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;")
	comment("FUNCTION max_sim_support(internal)", "planner support of MaxSim")
	maxsim("vector")
	maxsim("halfvec")
}
