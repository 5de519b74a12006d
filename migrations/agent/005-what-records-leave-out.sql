-- Of an instance that others see, the records say what it is and how it stands, and its definition what
-- it offers. It is not written a second time here, where it was nine tenths of a row.
update registration
  set json = json_remove(json, '$.private', '$.spec', '$.state', '$.definition')
  where json_valid(json) and json_extract(json, '$.private') = 0;
