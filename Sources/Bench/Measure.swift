import Glibc

/// A piece of work that is measured against others.
struct Work {
    let name: String
    /// Does it once; the result keeps the optimizer from leaving it out.
    let run: () -> Int
}

/// The processor time of this process so far, in nanoseconds.
func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// Processor time of each work in microseconds, round by round.
///
/// A round does every work once, one after the other, so that a busy neighbour hits all of them: compare within a round.
struct Rounds {
    private(set) var microseconds: [[Double]]

    init(_ works: [Work], rounds: Int, milliseconds: Double) {
        microseconds = works.map { _ in [] }
        let counts = works.map { work in
            // Warm, and as often as fills the time.
            for _ in 0..<200 { sink &+= work.run() }
            let start = processorTime()
            for _ in 0..<200 { sink &+= work.run() }
            return max(1, Int(milliseconds * 1e6 * 200 / max(1, processorTime() - start)))
        }
        for _ in 0..<rounds {
            for (index, work) in works.enumerated() {
                let start = processorTime()
                for _ in 0..<counts[index] { sink &+= work.run() }
                microseconds[index].append((processorTime() - start) / Double(counts[index]) / 1000)
            }
        }
    }

    /// The median of a work.
    func median(_ work: Int) -> Double { Bench.median(microseconds[work]) }

    /// The median of the rounds' ratios of one work to another.
    func ratio(_ work: Int, to other: Int) -> Double {
        Bench.median(zip(microseconds[work], microseconds[other]).map { $0 / $1 })
    }

    /// The median of the rounds' differences of one work and another.
    func difference(_ work: Int, from other: Int) -> Double {
        Bench.median(zip(microseconds[work], microseconds[other]).map { $0 - $1 })
    }
}

/// Where results go that nobody wants.
nonisolated(unsafe) private var sink = 0  // Written by the one thread there is.

/// How often memory was asked for so far, where `scripts/figures/allocations.c` is loaded before libc; else nil.
enum Allocations {
    private static let counter: (@convention(c) () -> UInt)? = {
        // The main program's scope finds what was loaded before libc; the C function takes nothing and returns an unsigned long.
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "playbook_allocations") else { return nil }
        return unsafeBitCast(symbol, to: (@convention(c) () -> UInt).self)
    }()

    /// How many a work needs each time, when everything is warm.
    static func each(of work: Work) -> Double? {
        guard let counter else { return nil }
        for _ in 0..<50 { sink &+= work.run() }
        let start = counter()
        for _ in 0..<1000 { sink &+= work.run() }
        return Double(counter() - start) / 1000
    }
}
