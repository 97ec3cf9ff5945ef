use super::super::test_server::TestServer;
use super::super::tests::{TIMEOUT, birth, open};
use super::*;

async fn begin(server: &TestServer, birth: &Birth, run: u8, groups: u8) -> Result<Occupied, OpenError> {
    let birth = birth.clone().with_groups(groups);
    NewStore::begin(&server.deployment(), &birth, [run; 16], false, TIMEOUT, Environment::production()).await
}

fn keys(server: &TestServer) -> Vec<String> {
    let mut keys: Vec<String> =
        ::redis::cmd("KEYS").arg("*").query(&mut server.connection().unwrap()).unwrap();
    keys.sort();
    keys
}

#[tokio::test]
async fn a_move_that_is_begun_again_with_fewer_groups_leaves_nothing_in_the_others() {
    let (server, birth) = (TestServer::start().unwrap(), birth());
    let Occupied::Not(three) = begin(&server, &birth, 1, 3).await.unwrap() else { panic!("complete") };
    let mut writes = three.writes();
    writes.in_group(2).string(&[b"kept-answers:1"], "an answer");
    three.apply(writes.take(1).next().unwrap()).await.unwrap();
    // This one dies when it has taken the first group.
    let mut first = Place::find(&server.deployment(), Names::new(birth.service, 0), TIMEOUT).await.unwrap();
    let groups = first.groups_begun(birth.store_id.0).unwrap();
    first.take(Marker::Move { store_id: birth.store_id.0, run: [2; 16], groups }, TIMEOUT).await.unwrap();
    assert!(keys(&server).contains(&"{farthing-redeemer-2}:kept-answers:1".to_owned()));

    let Occupied::Not(one) = begin(&server, &birth, 3, 1).await.unwrap() else { panic!("complete") };
    assert_eq!(keys(&server), ["{farthing-redeemer}:restoring"]);
    one.complete().await.unwrap();
    assert_eq!(open(&server).await.unwrap().birth(), &birth);
    assert!(matches!(begin(&server, &birth, 4, 1).await, Ok(Occupied::Complete)));
    let other = super::super::tests::birth();
    assert!(matches!(begin(&server, &other, 5, 1).await, Err(OpenError::Exists(_))));
}

#[tokio::test]
async fn a_store_that_came_to_be_there_is_not_replaced() {
    let (server, birth) = (TestServer::start().unwrap(), birth());
    let Occupied::Not(new) = begin(&server, &birth, 1, 1).await.unwrap() else { panic!("complete") };
    let other = record::encode(&super::super::tests::birth()).unwrap();
    let mut server = server.connection().unwrap();
    ::redis::cmd("SET").arg("{farthing-redeemer}:birth").arg(&other).exec(&mut server).unwrap();
    let words = new.complete().await.unwrap_err().to_string();
    assert!(words.contains("there is another store by now"), "{words}");
    let kept: Vec<u8> = ::redis::cmd("GET").arg("{farthing-redeemer}:birth").query(&mut server).unwrap();
    assert_eq!(kept, other);
}
