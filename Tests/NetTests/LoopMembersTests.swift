import Testing

@testable import Net

@Suite struct LoopMembersTests {
    private func seconds(_ value: Int64) -> Instant { Instant(nanoseconds: value * 1_000_000_000) }

    @Test func `an event for a removed member does not reach the next member in its slot`() {
        var members = LoopMembers<String>()
        let first = members.add("first")
        members.setDeadline(first, to: seconds(1))
        members.remove(first)
        members.remove(first)
        let second = members.add("second")
        #expect(Token.slot(first) == Token.slot(second))
        #expect(members[first] == nil)
        #expect(members[second] == "second")
        #expect(members.count == 1 && members.all == ["second"])
        let expired = members.popExpired(at: seconds(2))
        #expect(expired == nil)
    }

    @Test func `an event loop polls until the next deadline, or not at all while members have unread bytes`() {
        var members = LoopMembers<String>()
        #expect(members.pollTimeout(at: seconds(1)) == -1)
        #expect(members.pollTimeout(at: seconds(1), limit: seconds(3)) == 2001)
        let token = members.add("a")
        members.setDeadline(token, to: seconds(2))
        #expect(members.pollTimeout(at: seconds(1), limit: seconds(3)) == 1001)
        #expect(members.pollTimeout(at: seconds(2)) == 0)
        members.addUnfinished(token)
        #expect(members.pollTimeout(at: seconds(1)) == 0)
        let unfinished = members.removeUnfinished()
        #expect(unfinished == [token])
        let expired = members.popExpired(at: seconds(2))
        #expect(expired == "a")
        #expect(members.pollTimeout(at: seconds(2)) == -1)
    }
}
