import Foundation
import JSON
import Testing

@Suite struct MutationTests {
    private static let tokens: [[UInt8]] = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\u00e9", "\\ud800", "\\\"", "0", "-", ".", "e", "E+", "9",
        "true", "null",
        " ", "\n", "\t", "\u{0}", "\u{1F}", "é", "€", "😀", "\"a\":1,", "[[[[", "{\"a\":", "\"status\":{",
        "\"metadata\":{",
    ].map { Array($0.utf8) }

    /// Modifies `bytes` in a few places: changes, removes, repeats or inserts bytes and JSON tokens.
    private func mutate(_ bytes: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = Int.random(in: 0...result.count, using: &random)
            let end = min(result.count, at + Int.random(in: 0...8, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: if at < result.count { result[at] = UInt8.random(in: 0...255, using: &random) }
            case 1: if at < result.count { result[at] ^= 1 << UInt8.random(in: 0...7, using: &random) }
            case 2: result.removeSubrange(at..<end)
            case 3: result.insert(contentsOf: Array(result[at..<end]), at: at)
            case 4: result.insert(contentsOf: Self.tokens.randomElement(using: &random) ?? [], at: at)
            default: result.replaceSubrange(at..<end, with: Self.tokens.randomElement(using: &random) ?? [])
            }
        }
        return result
    }

    @Test func `mutated recordings give the same result in any memory, with and without skipping`() throws {
        let seed = Seeded.ofThisRun()
        var random = Seeded(seed)
        let originals = try recordings.map { try fixture($0) }
        let memory = try GuardedMemory(capacity: 64 * 1024)
        let document = Document()
        for round in 0..<1_500 {
            let bytes = mutate(originals[round % originals.count], &random)
            let comment: Comment = "seed \(seed), round \(round)"
            let error = memory.refusal(of: bytes, into: document)
            #expect(refusal(of: bytes) == error, comment)
            let skipping = memory.refusal(of: bytes, into: document, SkipTests.options)
            guard let error else {
                // Every way of reading accepts the same documents.
                #expect(skipping == nil, comment)
                let read = memory.with(bytes) { span in try? document.read(span, .strict) { Literal($0) } }
                let value = try #require(read, comment)
                #expect(try Literal(parsing: Array(value.json.utf8)) == value, comment)
                continue
            }
            #expect(0...bytes.count ~= error.offset, comment)
            expectPlace(of: error, in: bytes[...])
        }
    }

    @Test func `small mutated documents are accepted and rejected as by Foundation`() throws {
        let seed = Seeded.ofThisRun()
        var random = Seeded(seed)
        let originals = BoundsTests.valid.map { Array($0.utf8) }
        var accepted = 0
        for round in 0..<8_000 {
            let bytes = mutate(originals[round % originals.count], &random)
            guard Self.isComparable(bytes) else { continue }
            let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            let error = refusal(of: bytes)
            #expect(
                (error == nil) == (theirs != nil),
                "seed \(seed): \(String(decoding: bytes, as: UTF8.self).debugDescription): \(error?.description ?? "read")"
            )
            accepted += error == nil ? 1 : 0
        }
        // Enough documents were accepted to compare both outcomes.
        #expect(accepted > 500)
    }

    /// Excludes documents that Foundation intentionally treats differently: other encodings (byte order mark
    /// or NUL bytes), lone surrogates, numbers outside the range of Double, and trailing commas.
    private static func isComparable(_ bytes: [UInt8]) -> Bool {
        if bytes.contains(0) || bytes.first ?? 0 >= 0xEF { return false }
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        let differing = [#"\\ud"#, #"e[+-]?[0-9]{3}"#, #",[ \t\r\n]*[\]}]"#]
        return differing.allSatisfy { text.range(of: $0, options: .regularExpression) == nil }
    }
}
