import Evaluation

extension Coverage {
    static let database = [
        Statement(
            "Nothing yet: the chapter is still to be written.", [.databaseSettings, .databaseStorage],
            remainder: "The rules hold what other chapters say about databases.")
    ]
}
