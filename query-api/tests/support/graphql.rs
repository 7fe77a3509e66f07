//! GraphQL requests and their answers.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{World, answer::Answer};

/// An answer of GraphQL.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) answer: Answer,
}

impl World {
    /// Sends JSON by POST.
    pub(crate) async fn post(&self, uri: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(Method::POST).uri(uri);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    pub(crate) async fn graphql(&self, query: &str) -> Asked {
        self.graphql_with(query, &Value::Null, &[]).await
    }

    pub(crate) async fn graphql_with(
        &self,
        query: &str,
        variables: &Value,
        headers: &[(&str, &str)],
    ) -> Asked {
        let body = json!({"query": query, "variables": variables});
        Asked::of(self.post("/graphql", &body, headers).await)
    }
}

impl Asked {
    pub(crate) fn of(answer: Answer) -> Self {
        Self { answer }
    }

    /// What was answered, whatever it is.
    #[track_caller]
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.answer.text).unwrap_or_else(|_| panic!("{}", self.answer.text))
    }

    /// The data of an answer without errors.
    #[track_caller]
    pub(crate) fn data(&self) -> Value {
        let body = self.body();
        assert!(body.get("errors").is_none(), "{body:#}");
        body["data"].clone()
    }

    /// The extensions of the first error; all are of this code.
    #[track_caller]
    pub(crate) fn refused(&self, code: &str) -> Value {
        let body = self.body();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{body:#}"));
        let is_it = |error: &Value| error["extensions"]["code"] == code;
        assert!(!errors.is_empty() && errors.iter().all(is_it), "{body:#}");
        assert_eq!(errors[0]["extensions"]["type"], format!("/problems/{code}"));
        errors[0]["extensions"].clone()
    }
}

/// What tools send to learn the schema.
pub(crate) const INTROSPECTION: &str = "
    query { __schema { queryType { name } mutationType { name } subscriptionType { name }
        types { ...Full } directives { name locations args { ...Input } } } }
    fragment Full on __Type { kind name description
        fields(includeDeprecated: true) { name args { ...Input } type { ...Ref } isDeprecated }
        inputFields { ...Input } interfaces { ...Ref } enumValues { name } possibleTypes { ...Ref } }
    fragment Input on __InputValue { name type { ...Ref } defaultValue }
    fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name } } } } } } } } } }";
