/// Returns the candidate with the smallest edit distance from `word`; nil if none is similar.
public func nearest(to word: String, in candidates: [String]) -> String? {
    // No name is this long, and the time is proportional to the length.
    guard word.utf8.count <= 64 else { return nil }
    let limit = max(2, word.count / 3)
    return candidates.map { (distance($0, word), $0) }.filter { $0.0 <= limit }.min { $0.0 < $1.0 }?.1
}

/// Returns the Levenshtein distance between two words.
private func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left.lowercased().utf8)
    let right = Array(right.lowercased().utf8)
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (a == b ? 0 : 1))
            diagonal = row[j + 1]
            row[j + 1] = next
        }
    }
    return row[right.count]
}
