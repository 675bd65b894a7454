import Kubernetes
import Report

/// Prints evaluated objects to standard output in the requested format, and writes the reports that `--output` names.
struct ReportPrinter {
    /// The formats of reports for other programs.
    static let reports = ["sarif", "junit", "github", "gitlab", "markdown", "html"]

    let format: String
    private let outputs: [(format: String, path: String)]
    private let report: TextReport
    private let isVerbose: Bool
    private let isSilent: Bool
    private let run: RunDetails
    /// The objects to print at the end; for text, those that it shows.
    private var objects: [JudgedObject] = []

    init(_ arguments: Arguments) throws(CommandError) {
        format = try arguments.format()
        outputs = try arguments.outputs()
        isVerbose = arguments.has(.verbose) || arguments.has(.review)
        isSilent = arguments.isSilent(format)
        run = .current
        report = TextReport(isColored: Console.isColored() && !arguments.has(.noColor), isVerbose: isVerbose)
    }

    /// Prints a text, unless only the exit code is requested.
    func print(_ text: String) {
        if !isSilent, !text.isEmpty { Console.print(text) }
    }

    /// Adds an object to the reports.
    mutating func add(_ object: JudgedObject) {
        let isShown = isSilent || format == "response" ? false : format == "text" ? report.shows(object) : true
        if isShown || outputs.contains(where: { $0.format != "text" || report.shows(object) }) {
            objects.append(object)
        }
    }

    /// Prints the report, and writes the others to their files.
    ///
    /// - Returns: False if a file could not be written; the failure is reported.
    func finish(_ summary: Summary) -> Bool {
        if format == "text" { print(report.text(objects, summary)) } else { print(text(in: format, summary)) }
        return ReportPrinter.write(outputs) { text(in: $0, summary) }
    }

    /// Writes reports to files; returns false if one could not be written.
    static func write(_ outputs: [(format: String, path: String)], _ text: (_ format: String) -> String) -> Bool {
        var isWritten = true
        for (format, path) in outputs {
            guard let failure = FileWriter.write(path, Array(text(format).utf8)) else { continue }
            isWritten = false
            Console.error("playbook: \(failure)\n")
        }
        return isWritten
    }

    private func text(in format: String, _ summary: Summary) -> String {
        switch format {
        case "text": TextReport(isColored: false, isVerbose: isVerbose).text(objects, summary)
        case "json": JSONReport.text(objects, summary)
        case "sarif": SARIFReport.text(objects, summary, version: Version.current)
        case "junit": JUnitReport.text(objects, summary)
        case "github": GitHubReport.text(objects, summary)
        case "gitlab": GitLabReport.text(objects, summary)
        case "markdown": MarkdownReport.text(objects, summary)
        case "html": HTMLReport.text(objects, summary, run)
        default: ""
        }
    }
}

extension RunDetails {
    /// The details of this run.
    static var current: RunDetails {
        RunDetails(version: Version.current, time: Process.now, words: ["playbook"] + CommandLine.arguments.dropFirst())
    }
}

extension Summary {
    /// The exit code that scripts rely on.
    ///
    /// - Parameters:
    ///   - level: The least severe effect that makes it 1.
    ///   - isWritten: False if a report could not be written.
    /// - Returns: The code.
    func code(failingOn level: FailureLevel, isWritten: Bool = true) -> ExitCode {
        guard unreadable.isEmpty, isWritten else { return .usage }
        return level.code(isDenied: denied > 0, isWarned: warned > 0)
    }
}
