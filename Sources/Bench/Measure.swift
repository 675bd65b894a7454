import Glibc

/// A piece of work to measure.
struct Work {
    let name: String
    /// Runs it once; the result keeps the optimizer from removing it.
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

/// The processor time of each work in microseconds, by round.
///
/// A round runs every work once, so that other load affects all of them: compare within a round.
struct Rounds {
    private(set) var microseconds: [[Double]]

    init(_ works: [Work], rounds: Int, milliseconds: Double) {
        microseconds = works.map { _ in [] }
        let counts = works.map { work in
            // Warms up, and runs for as long as the time allows.
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

    /// The median of the rounds' ratios of two works.
    func ratio(_ work: Int, to other: Int) -> Double {
        Bench.median(zip(microseconds[work], microseconds[other]).map { $0 / $1 })
    }

    /// The median of the rounds' differences of two works.
    func difference(_ work: Int, from other: Int) -> Double {
        Bench.median(zip(microseconds[work], microseconds[other]).map { $0 - $1 })
    }
}

/// The sink for unused results.
nonisolated(unsafe) private var sink = 0  // Written by the one thread there is.

/// The number of allocations so far if `scripts/figures/allocations.c` is loaded before libc; otherwise nil.
enum Allocations {
    private static let counter: (@convention(c) () -> UInt)? = {
        // The main program's scope contains libraries loaded before libc; the C function has no parameters and returns an
        // unsigned long.
        guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "playbook_allocations") else { return nil }
        return unsafeBitCast(symbol, to: (@convention(c) () -> UInt).self)
    }()

    /// The number of allocations per run of a work, after warming up.
    static func each(of work: Work) -> Double? {
        guard let counter else { return nil }
        for _ in 0..<50 { sink &+= work.run() }
        let start = counter()
        for _ in 0..<1000 { sink &+= work.run() }
        return Double(counter() - start) / 1000
    }
}
