import Glibc

/// How far a long run has come, on a terminal only.
final class Progress {
    let isShown = isatty(2) == 1
    private let start = Process.nanoseconds
    private var last: UInt64 = 0

    /// Shows how far it is, a few times a second, once a second has passed.
    func show(_ text: String) {
        let now = Process.nanoseconds
        guard isShown, now - start > 1_000_000_000, now - last > 200_000_000 else { return }
        last = now
        Console.error("\r\u{1B}[K\(text)")
    }

    /// Shows how much of the bytes is done, as a bar; of an unknown number, how many they are.
    func show(_ bytes: Int, of total: Int) {
        guard total > 0 else { return show("\(bytes >> 20) MiB") }
        let share = min(1, Double(bytes) / Double(total))
        let full = Int(share * 40)
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: 40 - full)
        show("\(bar) \(Int(share * 100)) %")
    }

    /// Takes the line away again.
    func end() { if last > 0 { Console.error("\r\u{1B}[K") } }
}
