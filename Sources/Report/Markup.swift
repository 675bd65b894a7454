import JSON

/// A text without control characters: it ends no line, turns none around, and says nothing to a terminal.
///
/// What is judged chooses names, and a line of a log that begins with `::` is a command to GitHub.
public func oneLine(_ text: String) -> String {
    // Those that are not ASCII begin with one of two bytes.
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0xC2 || $0 == 0xE2 }) else { return text }
    return text.unicodeScalars.map { $0.isUnfitForLine ? " " : "\($0)" }.joined()
}

/// A text as it stands in XML or HTML, between tags or in a quoted attribute.
///
/// What XML 1.0 has no way to say, control characters above all, becomes U+FFFD, as does what turns a line around.
func markup(_ text: String, isAttribute: Bool = false) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result.append(contentsOf: "&amp;".unicodeScalars)
        case "<": result.append(contentsOf: "&lt;".unicodeScalars)
        case ">": result.append(contentsOf: "&gt;".unicodeScalars)
        case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
        case "'": result.append(contentsOf: "&#39;".unicodeScalars)
        // Readers make line feeds of carriage returns, and blanks of both in attributes.
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
