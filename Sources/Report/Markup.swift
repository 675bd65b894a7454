import JSON

/// Replaces control characters, line ends and bidirectional controls with spaces.
///
/// Names come from the input; without this they could control a terminal, or start a line with `::`, a command to GitHub.
public func oneLine(_ text: String) -> String {
    // The UTF-8 of those that are not ASCII begins with one of two bytes.
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0xC2 || $0 == 0xE2 }) else { return text }
    return text.unicodeScalars.map { $0.isUnfitForLine ? " " : "\($0)" }.joined()
}

/// Escapes a text for HTML, where a long name breaks after punctuation instead of in a word.
func breakable(_ text: String) -> String {
    let ends: Set<Character> = ["/", ".", "_", "=", ":", "@", ",", "]"]
    var (result, part) = ("", "")
    for character in text {
        part.append(character)
        guard ends.contains(character) else { continue }
        result += markup(part) + "<wbr>"
        part = ""
    }
    return result + markup(part)
}

/// Escapes a text for XML or HTML, between tags or in a quoted attribute.
///
/// Characters that XML 1.0 cannot represent, such as control characters, and bidirectional controls become U+FFFD.
func markup(_ text: String, isAttribute: Bool = false) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result.append(contentsOf: "&amp;".unicodeScalars)
        case "<": result.append(contentsOf: "&lt;".unicodeScalars)
        case ">": result.append(contentsOf: "&gt;".unicodeScalars)
        case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
        case "'": result.append(contentsOf: "&#39;".unicodeScalars)
        // Parsers convert carriage returns to line feeds, and both to spaces in attributes.
        case "\r": result.append(contentsOf: "&#13;".unicodeScalars)
        case "\n" where isAttribute, "\t" where isAttribute:
            result.append(contentsOf: "&#\(scalar.value);".unicodeScalars)
        case "\n", "\t": result.append(scalar)
        case _ where scalar.isUnfitForLine, "\u{FFFE}", "\u{FFFF}": result.append("\u{FFFD}")
        default: result.append(scalar)
        }
    }
    return String(result)
}
