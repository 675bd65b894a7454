/* Counts memory allocations. Loaded before libc (LD_PRELOAD); Bench reads the count with playbook_allocations. */
#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static unsigned long count;

unsigned long playbook_allocations(void) { return count; }

static void one_more(void) {
    __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size) { return one_more(), __libc_malloc(size); }
void *calloc(size_t number, size_t size) { return one_more(), __libc_calloc(number, size); }
void *realloc(void *old, size_t size) { return one_more(), __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { return one_more(), __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return one_more(), __libc_memalign(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
    one_more();
    *result = __libc_memalign(alignment, size);
    return *result ? 0 : ENOMEM;
}
