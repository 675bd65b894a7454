/* What a program was built from; see Package.swift. */

/* The commit, or "unknown". */
extern const char *const build_commit;

/* The version of the Swift compiler, or "unknown". */
extern const char *const build_swift;
