import Kubernetes
import Report

/// Prints evaluated objects to standard output in the requested format, and writes the reports that `--output` names.
struct ReportPrinter {
    /// The formats of reports for other programs.
    static let reports = ["sarif", "junit", "github", "gitlab", "markdown", "html"]

    let format: String
    private let outputs: [(format: String, path: String)]
    private let isSilent: Bool
    /// The text on standard output.
    private var shown: TextReport?
    /// The text in a file.
    private var written: TextReport?
    /// The objects of the other formats, which are one document.
    private var objects: [ReportedObject] = []
    private let keepsObjects: Bool

    /// Creates a printer; objects of a cluster have no file to name.
    init(_ arguments: Arguments, namesFiles: Bool = true) throws(CommandError) {
        format = try arguments.format()
        outputs = try arguments.outputs()
        isSilent = arguments.isSilent(format)
        keepsObjects = ([format] + outputs.map(\.format)).contains { $0 != "text" && $0 != "response" }
        let isVerbose = arguments.has(.verbose) || arguments.has(.review)
        func report(isColored: Bool) -> TextReport {
            TextReport(
                isColored: isColored, isVerbose: isVerbose, namesFiles: namesFiles, program: ProgramName.value)
        }
        if format == "text", !isSilent { shown = report(isColored: Console.isColored() && !arguments.has(.noColor)) }
        if outputs.contains(where: { $0.format == "text" }) { written = report(isColored: false) }
    }

    /// Prints a text, unless only the exit code is requested.
    func print(_ text: String) {
        if !isSilent, !text.isEmpty { Console.print(text) }
    }

    /// Adds an object to the reports.
    mutating func add(_ object: ReportedObject) {
        shown?.add(object)
        written?.add(object)
        if keepsObjects { objects.append(object) }
    }

    /// Prints the report, and writes the others to their files.
    ///
    /// - Returns: False if a file could not be written; the failure is reported.
    func finish(_ summary: Summary) -> Bool {
        print(format == "text" ? shown?.text(summary) ?? "" : text(in: format, summary))
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
        case "text": written?.text(summary) ?? ""
        case "json": JSONReport.text(objects, summary)
        case "sarif": SARIFReport.text(objects, summary, version: Version.current)
        case "junit": JUnitReport.text(objects, summary)
        case "github": GitHubReport.text(objects, summary)
        case "gitlab": GitLabReport.text(objects, summary)
        case "markdown": MarkdownReport.text(objects, summary)
        case "html": HTMLReport.text(objects, summary, .current)
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
