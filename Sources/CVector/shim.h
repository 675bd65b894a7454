#pragma once

#include <stdint.h>
#include <string.h>

// Swift compares 16 bytes at once but cannot gather the result into bits, which takes processors one instruction or a few
// (pmovmskb on x86-64). Clang's boolean vectors express it for all of them.
typedef int8_t playbook_lanes __attribute__((ext_vector_type(16)));
typedef _Bool playbook_flags __attribute__((ext_vector_type(16)));

// Returns a bit for each lane that is negative, the lowest bit for the first lane.
static inline __attribute__((always_inline)) uint16_t playbook_bits(playbook_lanes lanes) {
    playbook_flags flags = __builtin_convertvector(lanes < 0, playbook_flags);
    uint16_t bits;
    memcpy(&bits, &flags, sizeof bits);
    return bits;
}
