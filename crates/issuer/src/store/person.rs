//! What tokens tell of a user beside the row of the user: the names of the groups and roles, and the values of the attributes. One
//! statement reads all of it, and only where a client or a resource is told some of it.

use std::sync::LazyLock;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::oauth::scope::words;
use crate::store::StoreError;
use crate::store::query::text;

/// The groups, roles and attributes of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The groups in the order of their names.
    pub groups: Vec<GroupOfPerson>,
    /// The roles that the user has directly or through a group, in the order of their names.
    pub roles: Vec<RoleOfPerson>,
    /// The attributes of which the user has a value, in the order of their names.
    pub attributes: Vec<AttributeOfPerson>,
}

/// A group of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GroupOfPerson {
    pub name: String,
    /// `true` if the group is assigned to the client that the tokens are for.
    pub assigned: bool,
}

/// A role of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RoleOfPerson {
    pub name: String,
    /// The ids of the resources of which the role holds a scope. An id may come several times.
    pub resources: Vec<String>,
}

/// The values that a user has of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AttributeOfPerson {
    pub name: String,
    /// `string`, `number` or `boolean`.
    pub value_type: String,
    pub multi_valued: bool,
    /// `true` if the user may change the values, or typed them when that was possible.
    pub editable: bool,
    /// The scope that releases the attribute. `None` if only the claims of clients do.
    pub scope: Option<String>,
    pub values: Vec<String>,
}

#[derive(FromQueryResult)]
struct Fact {
    kind: String,
    name: String,
    /// The assignment of a group, the resources of a role, or the value of an attribute.
    detail: String,
    value_type: String,
    multi_valued: bool,
    mutability: String,
    scope: Option<String>,
}

static FACTS: LazyLock<String> = LazyLock::new(|| {
    let roles = "SELECT role FROM user_roles WHERE user_roles.user_id = $1 \
         UNION SELECT group_roles.role FROM group_members JOIN group_roles ON group_roles.group_id = group_members.group_id \
         WHERE group_members.user_id = $1";
    format!(
        "SELECT 'group' AS kind, groups.name AS name, CASE WHEN EXISTS (SELECT 1 FROM client_groups \
           WHERE client_groups.client_id = $2 AND client_groups.group_id = groups.id) THEN 'assigned' ELSE '' END AS detail, \
           '' AS value_type, FALSE AS multi_valued, '' AS mutability, NULL AS scope, 0 AS position \
         FROM group_members JOIN groups ON groups.id = group_members.group_id WHERE group_members.user_id = $1 \
         UNION ALL SELECT 'role', roles.name, COALESCE((SELECT string_agg(scopes.resource_id, ' ') FROM role_scopes \
           JOIN scopes ON scopes.name = role_scopes.scope WHERE role_scopes.role = roles.name), ''), '', FALSE, '', NULL, 0 \
         FROM roles WHERE roles.name IN ({roles}) \
         UNION ALL SELECT 'attribute', attributes.name, user_attributes.value, attributes.type, attributes.multi_valued, \
           CASE WHEN user_attributes.by_user THEN 'user' ELSE attributes.mutability END, attributes.scope, user_attributes.position \
         FROM user_attributes JOIN attributes ON attributes.name = user_attributes.name WHERE user_attributes.user_id = $1 \
         ORDER BY kind, name, position"
    )
});

/// Reads what tokens for the client `client` may tell of `user`.
pub async fn find(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<Person, StoreError> {
    let facts = Fact::find_by_statement(text(db, FACTS.as_str(), [user.into(), client.into()])).all(db).await?;
    let mut person = Person::default();
    for fact in facts {
        let Fact { kind, name, detail, value_type, multi_valued, mutability, scope } = fact;
        match kind.as_str() {
            "group" => person.groups.push(GroupOfPerson { name, assigned: !detail.is_empty() }),
            "role" => person.roles.push(RoleOfPerson { name, resources: words(&detail).map(str::to_owned).collect() }),
            _ => {
                if let Some(attribute) = person.attributes.last_mut().filter(|last| last.name == name) {
                    attribute.values.push(detail);
                } else {
                    let editable = mutability == "user";
                    person.attributes.push(AttributeOfPerson { name, value_type, multi_valued, editable, scope, values: vec![detail] });
                }
            }
        }
    }
    Ok(person)
}
