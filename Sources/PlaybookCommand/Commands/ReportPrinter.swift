import Report

/// Prints evaluated objects to standard output, in the requested format.
struct ReportPrinter {
    /// The formats of reports for other programs.
    static let reports = ["sarif", "junit", "github", "markdown", "html"]

    let format: String
    private let report: TextReport
    private let isVerbose: Bool
    private let isSilent: Bool
    /// The objects to print at the end, in formats that are one document.
    private var objects: [JudgedObject] = []

    init(_ arguments: Arguments) throws(CommandError) {
        format = try arguments.format()
        isVerbose = arguments.has(.verbose) || arguments.has(.review)
        isSilent = arguments.isSilent(format)
        report = TextReport(isColored: Console.isColored() && !arguments.has(.noColor))
    }

    /// Prints a text, unless only the exit code is requested.
    func print(_ text: String) {
        if !isSilent, !text.isEmpty { Console.print(text) }
    }

    /// Prints an object, now or at the end.
    mutating func add(_ object: JudgedObject) {
        guard !isSilent else { return }
        switch format {
        case "text": print(report.block(object, showsAll: isVerbose))
        case "response": break
        default: objects.append(object)
        }
    }

    /// Prints the rest of the report.
    func finish(_ summary: Summary) {
        switch format {
        case "text": print(report.summary(summary))
        case "json": print(JSONReport.text(objects, summary))
        case "sarif": print(SARIFReport.text(objects, summary, version: Version.current))
        case "junit": print(JUnitReport.text(objects, summary))
        case "github": print(GitHubReport.text(objects, summary))
        case "markdown": print(MarkdownReport.text(objects, summary))
        case "html": print(HTMLReport.text(objects, summary, version: Version.current))
        default: break
        }
    }
}

extension Summary {
    /// The exit code that scripts rely on.
    var code: ExitCode { !unreadable.isEmpty ? .usage : denied > 0 ? .denied : .success }

    /// The exit code; success instead of denied with `--exit-zero`.
    func code(_ arguments: Arguments) -> ExitCode { code == .denied && arguments.has(.exitZero) ? .success : code }
}
