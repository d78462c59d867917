//! Why may I, and who may: the answers are those that the appliance acts by.

use crate::house::*;
use jumpdeck_appliance::{JumpPolicy, Schedule, TimeOfWeek, WeeklyEntry};
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemEdit, ItemField};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use jumpdeck_protocol::rights::{Answer, Permission, Whom};
use jumpdeck_protocol::*;

async fn explained(
    rep: &mut Link,
    whom: Whom,
    item: ItemId,
    action: Option<Permission>,
    at: Option<i64>,
) -> Result<Vec<Answer>, RefusalCode> {
    let at = at.map(Timestamp);
    match rep.ask(RepRequest::Explain(request::Explain { whom, item, action, at })).await {
        Ok(RepReply::Explained(reply::Explained { answers })) => Ok(answers),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code),
    }
}

fn steps(answer: &Answer) -> Vec<String> {
    answer.because.iter().map(|step| format!("{} {}", step.source, step.says)).collect()
}

#[tokio::test]
async fn every_right_names_the_slot_and_the_role_it_comes_from() {
    let house = House::new().await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut admin = house.admin().await;
    let request = RepRequest::AddUser(request::AddUser { username: "bob".into() });
    let RepReply::UserAdded(user) = admin.ask(request).await.unwrap() else { panic!() };
    let mut bob = house.rep_named("bob", &user.password).await.unwrap();
    let item = agent.item;

    let own = explained(&mut bob, Whom::Me, item, None, None).await.unwrap();
    assert_eq!(own.len(), Permission::ALL.len());
    let of = |action| own.iter().find(|answer| answer.action == action).unwrap();
    let (start, remove) = (of(Permission::PermStart), of(Permission::PermRemove));
    let slot = "the user's System slot names the role";
    let has = "the role Start Sessions Only has perm_start";
    let shell = "the session policy Everything (representative) allows shells and commands";
    assert_eq!(steps(start), [slot, has, shell]);
    assert_eq!(steps(remove), [slot, "the role Start Sessions Only lacks perm_remove"]);
    assert!(start.allowed && !remove.allowed);

    // Others are the first user's business; the one who may do it is told by name.
    let named = Whom::User("bob".into());
    assert!(explained(&mut bob, named.clone(), item, None, None).await.is_ok());
    for whom in [Whom::User("admin".into()), Whom::Everybody] {
        let denied = explained(&mut bob, whom, item, None, None).await;
        assert_eq!(denied, Err(RefusalCode::PermissionDenied));
    }
    let remove = Some(Permission::PermRemove);
    let all = explained(&mut admin, Whom::Everybody, item, remove, None).await.unwrap();
    let told: Vec<_> = all.iter().map(|answer| (&*answer.user, answer.allowed)).collect();
    assert_eq!(told, [("admin", true), ("bob", false)]);
    let unknown = explained(&mut admin, Whom::User("eve".into()), item, None, None).await;
    assert_eq!(unknown, Err(RefusalCode::NoSuchUser));
    let nowhere = explained(&mut admin, Whom::Me, ItemId(99), None, None).await;
    assert_eq!(nowhere, Err(RefusalCode::JumpItemGone));
}

#[tokio::test]
async fn a_start_is_explained_as_it_would_be_answered_at_that_moment() {
    let house = House::new().await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let mut admin = house.admin().await;
    // Monday 20:00 to 22:00; the house's clock is at a Monday, 1970-01-12, 13:46:40 UTC.
    let at = |minute| TimeOfWeek { day: 0, minute };
    let policy = |strict| JumpPolicy {
        id: JumpPolicyId(0),
        display_name: "Evenings".into(),
        code_name: "evenings".into(),
        description: String::new(),
        schedule: Some(Schedule {
            timezone: "UTC".into(),
            entries: vec![WeeklyEntry { start: at(20 * 60), end: at(22 * 60) }],
            strict,
        }),
        no_recordings: false,
        ..JumpPolicy::default()
    };
    let id = house.appliance.put_jump_policy(policy(false)).await.unwrap();
    let (from, to) = (FieldValue::JumpPolicy(None), FieldValue::JumpPolicy(Some(id)));
    let changes = vec![ItemChange { field: ItemField::JumpPolicy, from, to }];
    let edits = vec![ItemEdit { item: agent.item, changes }];
    admin.ask(RepRequest::EditItems(request::EditItems { edits })).await.unwrap();
    let start = Some(Permission::PermStart);
    let (now, evening) = (None, Some(1_000_000 - 1_000_000 % 86_400 + 21 * 3600));
    let closed = "is closed and opens 1970-01-12 20:00 UTC (Mon 20:00–22:00, ";
    for (strict, when, allowed, last) in [
        (false, now, false, format!("{closed}can be overridden)")),
        (true, now, false, format!("{closed}strict)")),
        (
            true,
            evening,
            true,
            "is open until 1970-01-12 22:00 UTC (Mon 20:00–22:00, strict)".into(),
        ),
    ] {
        house.appliance.put_jump_policy(policy(strict)).await.unwrap();
        let answers = explained(&mut admin, Whom::Me, agent.item, start, when).await.unwrap();
        assert_eq!(answers[0].allowed, allowed);
        let mut steps = answers[0].because.iter();
        let step = steps.find(|step| &*step.source == "the Jump Policy Evenings").unwrap();
        assert_eq!((&*step.says, step.allows), (last.as_str(), Some(allowed)));
    }
    let refused = admin.ask(shell(agent.item)).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::ScheduleClosed, "as it was explained for now");
}
