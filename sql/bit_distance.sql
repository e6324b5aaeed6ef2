--
-- Distances of bit
--
SELECT B'1010' <~> B'0110', B'1010' <%> B'0110', hamming_distance(B'', B''), jaccard_distance(B'00', B'00'), jaccard_distance(B'11', B'11');
SELECT B'101' <~> B'1010';
SELECT B'101' <%> B'1010';
-- every length around the widths of registers, against a count by SQL
SELECT bool_and(a <~> b = length(replace((a # b)::text, '0', ''))) AS hamming,
	bool_and(a <%> b = 1 - length(replace((a & b)::text, '0', ''))::float8 / greatest(length(replace((a | b)::text, '0', '')), 1)) AS jaccard
FROM generate_series(1, 700) n,
	LATERAL (SELECT (string_agg((i * 7919 % 13 % 2)::text, '' ORDER BY i))::bit varying::bit(700), (string_agg((i * 104729 % 17 % 2)::text, '' ORDER BY i))::bit varying::bit(700)
		FROM generate_series(1, n) i) x(a, b);
SELECT binary_quantize('[1,-1,2,0]'::vector) <~> binary_quantize('[-1,-1,2,5]'::halfvec);
