import Evaluation
import JSON
import Net
import Synchronization

/// The current exemptions of the file that `PLAYBOOK_EXEMPT_FILE` names.
final class ExemptionsFile: Sendable {
    private struct State {
        var settings: Settings
        var contents: [UInt8]
        var problem: String?
        var loops: [LoopNotifier] = []
    }

    private let path: String
    private let log: Log
    private let state: Mutex<State>

    /// The largest file that is read, in bytes.
    private static let maximumSize = 1 << 20

    /// Reads the file; nil if the settings name none.
    init?(_ settings: Settings, _ log: Log) throws(CommandError) {
        guard !settings.exemptFile.isEmpty else { return nil }
        path = settings.exemptFile
        self.log = log
        let (contents, loaded) = try ExemptionsFile.read(settings)
        state = Mutex(State(settings: loaded, contents: contents))
    }

    /// Returns the settings with the exemptions of the file that they name, if any.
    static func load(_ settings: Settings) throws(CommandError) -> Settings {
        settings.exemptFile.isEmpty ? settings : try read(settings).settings
    }

    private static func read(_ settings: Settings) throws(CommandError) -> (contents: [UInt8], settings: Settings) {
        let contents: [UInt8]
        do throws(SystemError) {
            contents = try readFile(settings.exemptFile, atMost: maximumSize)
        } catch {
            throw CommandError(message: "PLAYBOOK_EXEMPT_FILE: \(error)")
        }
        do throws(ExemptionFileError) {
            return (contents, try settings.exempting(fileText: String(decoding: contents, as: UTF8.self)))
        } catch {
            throw CommandError(message: "PLAYBOOK_EXEMPT_FILE: \(settings.exemptFile): \(error)")
        }
    }

    /// The settings with the exemptions of the last valid file.
    var settings: Settings { state.withLock { $0.settings } }

    /// The refusal of the newest file; nil while it is in force.
    var problem: String? { state.withLock { $0.problem } }

    /// Adds a loop to notify of changes, and returns the current settings.
    func join(_ loop: LoopNotifier) -> Settings {
        state.withLock { state in
            state.loops.append(loop)
            return state.settings
        }
    }

    /// Reads the file again; a file that cannot be used leaves the last valid one in force.
    func reload() {
        let base = state.withLock { $0.settings }
        do throws(CommandError) {
            let (contents, settings) = try ExemptionsFile.read(base)
            let change = state.withLock { state -> (loops: [LoopNotifier], wasRefused: Bool)? in
                guard contents != state.contents || state.problem != nil else { return nil }
                let wasRefused = state.problem != nil
                (state.contents, state.settings, state.problem) = (contents, settings, nil)
                return (state.loops, wasRefused)
            }
            guard let change else { return }
            log.write(.info, "exemptions file loaded", [("path", .string(path))])
            for loop in change.loops { loop.refresh() }
        } catch {
            let isNew = state.withLock { state in
                defer { state.problem = error.message }
                return state.problem != error.message
            }
            guard isNew else { return }
            log.write(
                .error, "exemptions file refused; still using the last valid one", [("error", .string(error.message))])
        }
    }
}
