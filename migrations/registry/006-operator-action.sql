-- What operators have done, and who and why: of events of the kind `operator-action`.
alter table event add column action text;
alter table event add column by text;
alter table event add column reason text;
