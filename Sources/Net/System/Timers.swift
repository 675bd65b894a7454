/// Deadlines of small numbers, the earliest first; each number has at most one.
///
/// A binary heap with the place of each number in it. A later deadline is only recorded: its entry is corrected when it reaches
/// the top. So an ordinary request, which moves its connection's deadline from two minutes away to two minutes away, uses neither
/// the heap nor the allocator.
struct Timers {
    private struct Entry {
        var due: Instant
        let id: Int32
    }

    private struct Timer {
        var deadline = Instant.distantFuture
        /// The place of the entry in the heap, or -1.
        var place: Int32 = -1
    }

    private var heap: [Entry] = []
    private var timers: [Timer] = []

    /// The earliest instant at which a deadline can pass.
    var next: Instant? { heap.first?.due }

    /// Sets or replaces the deadline of a number.
    mutating func set(_ id: Int, to deadline: Instant) {
        while timers.count <= id { timers.append(Timer()) }
        timers[id].deadline = deadline
        let place = Int(timers[id].place)
        guard place >= 0 else {
            heap.append(Entry(due: deadline, id: Int32(id)))
            timers[id].place = Int32(heap.count - 1)
            rise(heap.count - 1)
            return
        }
        guard deadline < heap[place].due else { return }
        heap[place].due = deadline
        rise(place)
    }

    /// Removes the deadline of a number.
    mutating func remove(_ id: Int) {
        guard id < timers.count, timers[id].place >= 0 else { return }
        removeEntry(at: Int(timers[id].place))
    }

    /// Removes a number whose deadline has passed, and returns it; nil if there is none.
    mutating func popExpired(at now: Instant) -> Int? {
        while let first = heap.first, first.due <= now {
            let id = Int(first.id)
            guard timers[id].deadline > now else {
                removeEntry(at: 0)
                return id
            }
            heap[0].due = timers[id].deadline
            sink(0)
        }
        return nil
    }

    private mutating func removeEntry(at place: Int) {
        timers[Int(heap[place].id)].place = -1
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        timers[Int(last.id)].place = Int32(place)
        rise(place)
        sink(Int(timers[Int(last.id)].place))
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place].due < heap[parent].due else { return }
            exchange(place, parent)
            place = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { return }
            if child + 1 < heap.count, heap[child + 1].due < heap[child].due { child += 1 }
            guard heap[child].due < heap[place].due else { return }
            exchange(place, child)
            place = child
        }
    }

    private mutating func exchange(_ one: Int, _ other: Int) {
        heap.swapAt(one, other)
        timers[Int(heap[one].id)].place = Int32(one)
        timers[Int(heap[other].id)].place = Int32(other)
    }
}
