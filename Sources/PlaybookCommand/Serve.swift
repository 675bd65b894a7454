struct ServeCommand {
    func run() throws(CommandError) -> ExitCode { .success }
}
enum CertsCommand {
    static func run(_ arguments: Arguments) throws(CommandError) -> ExitCode { .success }
}
