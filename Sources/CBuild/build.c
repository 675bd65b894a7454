#include "build.h"

const char *const build_commit = BUILD_COMMIT;
const char *const build_swift = BUILD_SWIFT;
const char *const build_docs_url = BUILD_DOCS_URL;
