import Foundation
import Net
import Testing

@Suite struct ResidencyTests {
    @Test(
        .enabled(
            if: dlsym(nil, "__asan_init") == nil && dlsym(nil, "__tsan_init") == nil,
            "a sanitizer brings an allocator of its own"))
    func `large blocks do not stay with the process when they are freed`() throws {
        Residency.returnLargeBlocks()
        let size = 16 << 20
        // Once such a block was freed, glibc of itself keeps the next ones.
        free(touched(size))
        let before = try residentBytes()
        let blocks = (0..<8).map { _ in touched(size) }
        // The last one would hold back those before it.
        for block in blocks.dropLast() { free(block) }
        // Half of what they took: other tests run meanwhile.
        #expect(try residentBytes() - before < 4 * size)
        free(blocks[7])
    }

    @Test(
        .enabled(
            if: dlsym(nil, "__asan_init") == nil && dlsym(nil, "__tsan_init") == nil,
            "a sanitizer brings an allocator of its own"))
    func `pages between blocks in use are given back`() throws {
        let size = 64 << 10
        // More than other tests could take of it meanwhile.
        let blocks = (0..<2048).map { _ in (large: touched(size), small: touched(64)) }
        for block in blocks { free(block.large) }
        Residency.returnFreedPages()
        let page = Int(getpagesize())
        let resident = blocks.reduce(0) { count, block in
            // From the block's first whole page on; nothing is mapped there where the call fails.
            let start = (Int(bitPattern: block.large) + page - 1) / page * page
            var pages = [UInt8](repeating: 0, count: size / page - 1)
            let isMapped = mincore(UnsafeMutableRawPointer(bitPattern: start), pages.count * page, &pages) == 0
            return count + (isMapped ? pages.count { $0 & 1 == 1 } : 0)
        }
        #expect(resident < blocks.count * (size / page - 1) / 2)
        for block in blocks { free(block.small) }
    }

    private func touched(_ size: Int) -> UnsafeMutableRawPointer? {
        let block = malloc(size)
        if let block { memset(block, 1, size) }
        return block
    }

    private func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * Int(getpagesize())
    }
}
