import JSON
import Languages
import Testing

/// Policies of AWS.
@Suite struct PolicyTests {
    private func policy(_ statement: Literal) -> Literal { ["Version": "2012-10-17", "Statement": [statement]] }

    @Test func `a statement of IAM is read with single values and lists`() throws {
        let statements = IAMPolicyStatement.all(
            in: policy([
                "Effect": "Allow", "Principal": ["AWS": ["*"]], "Action": "*:*",
                "Resource": ["arn:aws:s3:::shop", "*"],
            ]))
        let statement = try #require(statements.first)
        #expect(statement.allows && statement.isForEverybody && statement.isForEverything && !statement.hasCondition)
        #expect(IAMPolicyStatement.all(in: "text").isEmpty)
    }

    @Test func `the principals and actions of a key policy are read`() throws {
        let root = "arn:aws:iam::111122223333:root"
        let literals = KeyPolicyStatement.all(
            in: policy([
                "Effect": "Allow", "Principal": ["AWS": [.string(root), "444455556666"]], "Action": "KMS:Put*",
                "Condition": ["Bool": ["aws:SecureTransport": "true"]],
            ]))
        let statement = KeyPolicyStatement(try #require(literals.first))
        #expect(statement.rootAccounts == ["444455556666", "111122223333"])
        #expect(statement.administers && !statement.uses && !statement.isAll && statement.hasCondition)
        #expect(statement.isAccountAlone && !statement.isEverybody)
    }
}
