import Foundation
import Net
import Testing

@Suite struct ProcessMemoryTests {
    @Test(
        .enabled(
            if: dlsym(nil, "__asan_init") == nil && dlsym(nil, "__tsan_init") == nil,
            "sanitizers replace the allocator"))
    func `the memory of large freed blocks is returned to the system`() {
        ProcessMemory.returnLargeBlocks()
        let size = 16 << 20
        // After one such block was freed, glibc by default keeps the memory of the next ones.
        free(touched(size))
        let blocks = (0..<8).map { _ in touched(size) }
        // On the heap, the last block would prevent the release of the blocks before it.
        for block in blocks.dropLast() { free(block) }
        let pages = size / Int(getpagesize())
        // Half of their pages: other tests might use the same addresses meanwhile.
        #expect(blocks.dropLast().reduce(0) { $0 + residentPages(of: $1, size) } < 7 * pages / 2)
        free(blocks[7])
    }

    @Test(
        .enabled(
            if: dlsym(nil, "__asan_init") == nil && dlsym(nil, "__tsan_init") == nil,
            "sanitizers replace the allocator"))
    func `freed pages between blocks in use are returned to the system`() {
        let size = 64 << 10
        // More than other tests can use meanwhile.
        let blocks = (0..<2048).map { _ in (large: touched(size), small: touched(64)) }
        for block in blocks { free(block.large) }
        ProcessMemory.returnFreedPages()
        let page = Int(getpagesize())
        let resident = blocks.reduce(0) { $0 + residentPages(of: $1.large, size) }
        #expect(resident < blocks.count * (size / page - 1) / 2)
        for block in blocks { free(block.small) }
    }

    private func touched(_ size: Int) -> UnsafeMutableRawPointer? {
        let block = malloc(size)
        if let block { memset(block, 1, size) }
        return block
    }

    /// Returns the number of a freed block's full pages that are in memory; 0 if nothing is mapped there.
    private func residentPages(of block: UnsafeMutableRawPointer?, _ size: Int) -> Int {
        let page = Int(getpagesize())
        let start = (Int(bitPattern: block) + page - 1) / page * page
        var pages = [UInt8](repeating: 0, count: size / page - 1)
        guard mincore(UnsafeMutableRawPointer(bitPattern: start), pages.count * page, &pages) == 0 else { return 0 }
        return pages.count { $0 & 1 == 1 }
    }
}
