import Glibc

/// The progress of a long run, shown on a terminal only.
final class Progress {
    let isShown = Console.showsProgress
    private let start = Process.nanoseconds
    private var last: UInt64 = 0

    /// Shows a text after the first second, at most five times a second.
    func show(_ text: String) {
        let now = Process.nanoseconds
        guard isShown, now - start > 1_000_000_000, now - last > 200_000_000 else { return }
        last = now
        Console.show(text)
    }

    /// Shows the processed share of the bytes as a bar; the number of bytes if the total is unknown.
    func show(_ bytes: Int, of total: Int) {
        guard total > 0 else { return show("\(bytes >> 20) MiB") }
        let share = min(1, Double(bytes) / Double(total))
        var size = winsize()
        // The next text does not clear a bar that wraps to a second line.
        let columns = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
        let width = max(0, min(40, columns - 7))
        let full = Int(share * Double(width))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
        show("\(bar) \(Int(share * 100)) %")
    }

    /// Clears the line.
    func end() { Console.clearLine() }
}
