# deps.awk -- which folder of src includes headers of which, as a list; an arrow upwards or a circle is an error.
# Input: "FILE:#include "HEADER"" lines of grep; FOLDERS has the folders, lower ones first.
BEGIN {
	n = split(FOLDERS, name, " ")
	for (i = 1; i <= n; i++) { sub("/$", "", name[i]); rank[name[i]] = i }
}
{
	split($0, part, /:#include "|"/)
	from = part[1]; to = part[2]
	sub("^src/", "", from)
	if (!sub("/[^/]*$", "", from) || !sub("/[^/]*$", "", to)) next
	if (from == to || !(from in rank) || !(to in rank)) next
	arrow[from, to]++
	if (rank[to] > rank[from]) { print "upwards: " part[1] " includes " part[2]; bad = 1 }
}
END {
	for (i = 1; i <= n; i++) {
		line = ""
		for (j = 1; j < i; j++) if ((name[i], name[j]) in arrow) line = line " " name[j]
		printf "%-14s%s\n", name[i], line == "" ? " -" : line
	}
	exit bad
}
