# names.awk -- the operator classes and families of omenhnsw, once more under another
# access method's name: awk -v am=hnsw -f names.awk classes.built.sql filters.sql
#
# A statement begins at the start of a line and ends with a semicolon at the end of one.
/^(CREATE|ALTER|COMMENT ON) OPERATOR (CLASS|FAMILY) / { inside = 1 }
inside { gsub(/USING omenhnsw/, "USING " am); print }
inside && /;$/ { inside = 0 }
