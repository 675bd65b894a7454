import Evaluation

extension Coverage {
    static let database = [
        Statement(
            "This section of the playbook is empty.", [.databaseSettings, .databaseStorage],
            remainder: "The rules enforce statements of other sections about databases.")
    ]
}
