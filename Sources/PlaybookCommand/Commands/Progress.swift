import Glibc

/// How far a long run has come, on a terminal only.
final class Progress {
    let isShown = Console.showsProgress
    private let start = Process.nanoseconds
    private var last: UInt64 = 0

    /// Shows how far it is, a few times a second, once a second has passed.
    func show(_ text: String) {
        let now = Process.nanoseconds
        guard isShown, now - start > 1_000_000_000, now - last > 200_000_000 else { return }
        last = now
        Console.show(text)
    }

    /// Shows how much of the bytes is done, as a bar; of an unknown number, how many they are.
    func show(_ bytes: Int, of total: Int) {
        guard total > 0 else { return show("\(bytes >> 20) MiB") }
        let share = min(1, Double(bytes) / Double(total))
        var size = winsize()
        // A bar that is broken into two lines is not taken away by the next one.
        let columns = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
        let width = max(0, min(40, columns - 7))
        let full = Int(share * Double(width))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
        show("\(bar) \(Int(share * 100)) %")
    }

    /// Takes the line away again.
    func end() { Console.clearLine() }
}
