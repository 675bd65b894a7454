/// The members of an event loop: each has a slot, a deadline and a token for its events.
///
/// A token contains a slot and its generation, so an event for an earlier member of the slot does not reach the current one.
struct LoopMembers<Member> {
    private var slots: [(token: UInt64, member: Member?)] = []
    private var vacantSlots: [Int] = []
    private var generation: UInt32 = 0
    private var timers = Timers()
    private var unfinished: Set<UInt64> = []

    /// The number of members.
    var count: Int { slots.count - vacantSlots.count }

    /// All members, by slot.
    var all: [Member] { slots.compactMap(\.member) }

    /// The member with a token; nil if it was removed.
    subscript(token: UInt64) -> Member? {
        let slot = Token.slot(token)
        guard slot < slots.count, slots[slot].token == token else { return nil }
        return slots[slot].member
    }

    /// The member in a slot.
    subscript(slot slot: Int) -> Member? { slots[slot].member }

    /// Adds a member and returns its token.
    mutating func add(_ member: Member) -> UInt64 {
        let slot = vacantSlots.popLast() ?? slots.count
        generation = (generation &+ 1) & 0x7FFF_FFFF
        let token = Token.member(slot: slot, generation: generation)
        if slot == slots.count { slots.append((token, member)) } else { slots[slot] = (token, member) }
        return token
    }

    /// Removes a member and its deadline.
    mutating func remove(_ token: UInt64) {
        guard self[token] != nil else { return }
        let slot = Token.slot(token)
        timers.remove(slot)
        slots[slot].member = nil
        vacantSlots.append(slot)
    }

    // MARK: Deadlines

    /// Replaces a member's deadline.
    mutating func setDeadline(_ token: UInt64, to deadline: Instant) {
        if self[token] != nil { timers.set(Token.slot(token), to: deadline) }
    }

    /// Removes the deadline of a member for which it has passed, and returns the member; nil if there is none.
    mutating func popExpired(at now: Instant) -> Member? {
        while let slot = timers.popExpired(at: now) {
            if let member = slots[slot].member { return member }
        }
        return nil
    }

    /// The time to wait for events, in milliseconds: until the next deadline or `limit`; -1 without either.
    func pollTimeout(at now: Instant, limit: Instant = .distantFuture) -> Int32 {
        guard unfinished.isEmpty else { return 0 }
        let next = min(timers.next ?? .distantFuture, limit)
        guard next != .distantFuture else { return -1 }
        let nanoseconds = next.nanoseconds - now.nanoseconds
        // Rounded up, so that the loop does not wake before the deadline.
        return nanoseconds <= 0 ? 0 : Int32(clamping: nanoseconds / 1_000_000 + 1)
    }

    // MARK: Fairness

    /// The number of reads of one member before the others are served.
    static var maxReads: Int { 16 }

    /// Records that a member has bytes left to read that epoll does not report.
    mutating func addUnfinished(_ token: UInt64) { unfinished.insert(token) }

    /// Removes and returns the tokens of the members with bytes left to read.
    mutating func removeUnfinished() -> Set<UInt64> {
        guard !unfinished.isEmpty else { return unfinished }
        defer { unfinished = [] }
        return unfinished
    }
}

/// The 64 bits of an epoll event: the wakeup, a listener, or a member's slot and generation.
enum Token {
    static let wakeup = UInt64.max

    static func listener(index: Int) -> UInt64 { 1 << 63 | UInt64(index) }

    static func listener(_ token: UInt64) -> Int? { token >> 63 == 1 ? Int(token & 0xFFFF) : nil }

    static func member(slot: Int, generation: UInt32) -> UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    static func slot(_ token: UInt64) -> Int { Int(token & 0xFFFF_FFFF) }
}
