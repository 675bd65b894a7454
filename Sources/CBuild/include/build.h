/* What a program was built from; see Package.swift. */

/* The commit, or "unknown". */
extern const char *const build_commit;

/* The version of the Swift compiler, or "unknown". */
extern const char *const build_swift;

/* The address of the page that describes the rules, or empty. */
extern const char *const build_docs_url;
